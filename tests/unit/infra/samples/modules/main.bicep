// Written for the tests of tools/infra, with what Microsoft's own samples for Flex Consumption use: modules of this
// folder and of a registry, an identity that is assigned, settings that are put together by flags, a network on request.

@description('Name of the environment.')
param environmentName string
param location string = resourceGroup().location
param vnetEnabled bool
param serviceName string = ''

var token = toLower(uniqueString(resourceGroup().id, environmentName))
var functionAppName = !empty(serviceName) ? serviceName : 'func-${token}'
var features = {
  enableBlob: true
  enableQueue: true
  enableTable: false
}

module workspace 'br/public:avm/res/operational-insights/workspace:0.11.1' = {
  name: '${uniqueString(deployment().name, location)}-logs'
  params: {
    name: 'log-${token}'
    location: location
    dataRetention: 30
  }
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-${token}'
  location: location
}

module network 'app/network.bicep' = if (vnetEnabled) {
  name: 'network'
  params: {
    location: location
    accountId: api.outputs.accountId
    vNetName: 'vnet-${token}'
  }
}

module api './app/api.bicep' = {
  name: 'api'
  params: {
    name: functionAppName
    location: location
    identityId: identity.id
    identityClientId: identity.properties.clientId
    storageAccountName: 'st${token}'
    enableBlob: features.enableBlob
    enableQueue: features.enableQueue
    enableTable: features.enableTable
    appSettings: {
      TIMER_SCHEDULE: '*/30 * * * * *'
      WORKSPACE: workspace.outputs.name
    }
  }
}

output AZURE_FUNCTION_NAME string = api.outputs.SERVICE_API_NAME
output SUBNET string = vnetEnabled ? network!.outputs.appSubnetId : ''
