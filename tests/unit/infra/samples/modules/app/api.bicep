param name string
param location string = resourceGroup().location
param tags object = {}
param appSettings object = {}
param identityId string = ''
param identityClientId string = ''
@minLength(3)
@maxLength(24)
param storageAccountName string
param enableBlob bool = true
param enableQueue bool = false
param enableTable bool = false
@allowed(['SystemAssigned', 'UserAssigned'])
param identityType string = 'UserAssigned'

var baseAppSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
}
var blobSettings = enableBlob ? { AzureWebJobsStorage__blobServiceUri: account.properties.primaryEndpoints.blob } : {}
var queueSettings = enableQueue ? { AzureWebJobsStorage__queueServiceUri: account.properties.primaryEndpoints.queue } : {}
var tableSettings = enableTable ? { AzureWebJobsStorage__tableServiceUri: account.properties.primaryEndpoints.table } : {}
var allAppSettings = union(appSettings, blobSettings, queueSettings, tableSettings, baseAppSettings)

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: 'plan-${name}'
  location: location
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource api 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: identityType == 'SystemAssigned' ? 'SystemAssigned' : 'UserAssigned'
    userAssignedIdentities: identityType == 'UserAssigned' ? { '${identityId}': {} } : null
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    siteConfig: {
      ftpsState: 'Disabled'
      minTlsVersion: '1.2'
      cors: {
        allowedOrigins: ['https://portal.azure.com']
      }
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${account.properties.primaryEndpoints.blob}packages'
          authentication: {
            type: identityType == 'SystemAssigned' ? 'SystemAssignedIdentity' : 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityType == 'UserAssigned' ? identityId : ''
          }
        }
      }
      scaleAndConcurrency: {
        alwaysReady: [
          {
            name: 'http'
            instanceCount: 1
          }
        ]
        maximumInstanceCount: 100
        instanceMemoryMB: 2048
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: api
  name: 'appsettings'
  properties: allAppSettings
}

output SERVICE_API_NAME string = api.name
output accountId string = account.id
output principalId string = identityType == 'SystemAssigned' ? api.?identity.?principalId ?? '' : ''
