// Written for the tests of tools/infra, with what Microsoft's own samples for Flex Consumption use: an identity of the
// app's own, resources in resources, loops over objects, conditions, safe access, files that are loaded, azd's metadata.
targetScope = 'resourceGroup'

@minLength(1)
@maxLength(64)
@description('Name of the environment.')
param environmentName string

@minLength(1)
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@allowed(['python', 'node'])
param runtimeName string = 'python'

@allowed(['3.12', '3.13', '3.14'])
param runtimeVersion string = '3.13'

@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 100

@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

param zoneRedundant bool = false
param principalId string = deployer().objectId
param workspaceName string = ''
@description('The queues, each with its poison queue\'s twin.')
param queues { name: string, metadata: object? }[] = [
  { name: 'orders' }
  { name: 'orders-poison' }
]

var abbreviations = loadJsonContent('./abbreviations.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var appName = '${abbreviations.webSitesFunctions}api-${token}'
var packageContainer = 'app-package-${take(appName, 32)}-${take(token, 7)}'
var tags = { 'azd-env-name': environmentName }
var hasWorkspace = !empty(workspaceName)
var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var readers = [
  { principal: principalId, kind: 'User' }
]
var containerNames = map(range(0, 2), number => 'c${number}')

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: '${abbreviations.storageStorageAccounts}${token}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    dnsEndpointType: 'Standard'
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
    publicNetworkAccess: 'Enabled'
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      containerDeleteRetentionPolicy: { enabled: true, days: 7 }
      deleteRetentionPolicy: { enabled: true, days: 7 }
    }

    resource package 'containers' = {
      name: packageContainer
      properties: {
        publicAccess: 'None'
      }
    }

    resource others 'containers' = [for name in containerNames: {
      name: name
      properties: { publicAccess: 'None' }
    }]
  }

  resource queueService 'queueServices' = {
    name: 'default'

    resource all 'queues' = [for queue in queues: {
      name: queue.name
      properties: {
        metadata: queue.?metadata ?? {}
      }
    }]
  }
}

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = if (hasWorkspace) {
  name: workspaceName
}

resource insights 'Microsoft.Insights/components@2020-02-02' = if (hasWorkspace) {
  name: '${abbreviations.insightsComponents}${token}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    DisableLocalAuth: true
    WorkspaceResourceId: hasWorkspace ? workspace.id : null
  }
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: '${abbreviations.webServerFarms}${token}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    tier: 'FlexConsumption'
    name: 'FC1'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: appName
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    siteConfig: {
      alwaysOn: false
      ftpsState: 'Disabled'
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'SystemAssignedIdentity'
          }
        }
      }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
        triggers: {
          http: {
            perInstanceConcurrency: instanceMemoryMB == 512 ? 4 : 16
          }
        }
      }
      runtime: {
        name: runtimeName
        version: runtimeVersion
      }
    }
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: {
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__blobServiceUri: 'https://${storage.name}.blob.${environment().suffixes.storage}'
      APPLICATIONINSIGHTS_CONNECTION_STRING: insights.?properties.ConnectionString ?? ''
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD'
    }
  }
}

resource appRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: storage
  name: guid(storage.id, app.id, blobDataOwner)
  properties: {
    principalId: app.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataOwner)
  }
}

resource roles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for each in readers: if (!empty(each.principal)) {
  scope: storage
  name: guid(storage.id, each.principal, blobDataOwner)
  properties: {
    principalId: each.principal
    principalType: each.kind
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataOwner)
  }
}]

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_FUNCTION_NAME string = app.name
output URL string = 'https://${app.properties.defaultHostName}/api'
output QUEUE_IDS array = [for (queue, index) in queues: '${index}: ${queue.name}']
