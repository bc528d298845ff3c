// The app on a Flex Consumption plan of its own, with every setting that the code reads and none that it doesn't.

@description('Required. The app\'s name; the plan\'s begins with it.')
@minLength(2)
@maxLength(60)
param name string

@description('Required. The region.')
@minLength(1)
@maxLength(64)
param location string

@description('Optional. Tags of app and plan.')
param tags object = {}

@description('Required. The user-assigned identity.')
@minLength(3)
@maxLength(128)
param identityName string

@description('Required. The account with the host\'s locks and the app\'s package.')
@minLength(3)
@maxLength(24)
param hostAccountName string

@description('Required. The account with queues, tables and assets.')
@minLength(3)
@maxLength(24)
param dataAccountName string

@description('Required. The Application Insights component.')
@minLength(1)
@maxLength(255)
param componentName string

@description('Required. The container that deployments put the app\'s package into.')
@minLength(3)
@maxLength(63)
param packageContainer string

@description('Optional. The subnet that the app\'s own requests leave through; empty for none.')
@maxLength(512)
param subnetId string = ''

@description('Required. The app\'s maximum instance count: for the platform, and for discovery, which withholds by it.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int

@description('Required. Memory of an instance in MB.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int

@description('Optional. Instances that are kept warm, by scale group.')
@maxLength(20)
param alwaysReady {
  name: string
  instanceCount: int
}[] = []

@description('Required. The file with the datasets.')
@minLength(1)
@maxLength(256)
param datasetsFile string

@description('Required. How often it is looked whether a dataset\'s own schedule is due.')
@minLength(11)
@maxLength(128)
param discoverSchedule string

@description('Required. Copy requests that may be outstanding, in multiples of what all instances work at once.')
@minLength(1)
@maxLength(16)
param discoverSaturation string

@description('Optional. Settings whose names begin with SOURCE_: what datasets.toml names as the secrets of its sources.')
@secure()
param sourceSettings object = {}

@description('Optional. Settings that switch tracing on, as docs/tracing.md has them.')
@secure()
param tracingSettings object = {}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource hostAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostAccountName
}

resource dataAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccountName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: '${name}-plan'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'sluice' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    // Everything leaves through the subnet; Flex Consumption has no setting for less.
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostAccount.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
        alwaysReady: alwaysReady
      }
      // Lets running copies finish at a deployment; `Recreate` kills them, which costs each message an attempt. The
      // service has it, Bicep's types don't yet.
      #disable-next-line BCP037
      siteUpdateStrategy: {
        type: 'RollingUpdate'
      }
    }
  }
}

// Replaces all settings at each deployment. The names are the code's: shared/model/settings.py.
resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  properties: union(
    {
      // A user-assigned identity needs __credential and __clientId: https://github.com/Azure/azure-functions-host/issues/10904
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.properties.clientId
      AzureWebJobsStorage__blobServiceUri: hostAccount.properties.primaryEndpoints.blob
      AzureWebJobsStorage__queueServiceUri: hostAccount.properties.primaryEndpoints.queue
      AzureWebJobsStorage__tableServiceUri: hostAccount.properties.primaryEndpoints.table
      APPLICATIONINSIGHTS_CONNECTION_STRING: component.properties.ConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'

      SluiceStorage__credential: 'managedidentity'
      SluiceStorage__clientId: identity.properties.clientId
      SluiceStorage__blobServiceUri: dataAccount.properties.primaryEndpoints.blob
      SluiceStorage__queueServiceUri: dataAccount.properties.primaryEndpoints.queue
      SluiceStorage__tableServiceUri: dataAccount.properties.primaryEndpoints.table
      STORAGE_CREATE_MISSING: 'false'

      DATASETS_FILE: datasetsFile
      DISCOVER_SCHEDULE: discoverSchedule
      DISCOVER_SATURATION: discoverSaturation
      DISCOVER_INSTANCES: string(maximumInstanceCount)
      DISCOVER_RECHECK_SECONDS: '15'
      DISCOVER_STALL_MINUTES: '75'
      COPY_MEMORY_MIB: string(instanceMemoryMB / 4)
      COPY_BLOCK_MIB: '8'
      COPY_BLOCK_CHECK: 'crc64'
      COPY_DEADLINE_SECONDS: '1200'
    },
    sourceSettings,
    tracingSettings
  )
}

@description('The app\'s name.')
output name string = app.name

@description('The name that it answers requests under.')
output hostName string = app.properties.defaultHostName
