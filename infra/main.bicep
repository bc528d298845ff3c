// Everything that Sluice needs in one resource group: two storage accounts, an identity with its roles, the app,
// what watches it, and a private network for whoever wants one.
targetScope = 'resourceGroup'

@description('Optional. What the names of all resources begin with: lower-case letters and digits.')
@minLength(3)
@maxLength(7)
param name string = 'sluice'

@description('Optional. The region. It has to offer Flex Consumption: `az functionapp list-flexconsumption-locations`.')
@minLength(1)
@maxLength(64)
param location string = resourceGroup().location

@description('Optional. Tags of every resource.')
param tags object = {}

@description('Optional. The app\'s maximum instance count, which discovery counts on as well. Microsoft\'s documentation gives 40 as the least.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Optional. Memory of an instance in MB; the buffers of all copies together get a quarter of it.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

@description('Optional. Instances that are kept warm: `{ name: \'function:copy_asset\', instanceCount: 1 }`, or the name `http`. Each is paid for all day.')
@maxLength(20)
param alwaysReady {
  name: string
  instanceCount: int
}[] = []

@description('Optional. The file with the datasets, from the folder of host.json.')
@minLength(1)
@maxLength(256)
param datasetsFile string = 'datasets.toml'

@description('Optional. How often it is looked whether a dataset\'s own schedule is due: NCRONTAB, six fields.')
@minLength(11)
@maxLength(128)
param discoverSchedule string = '0 */5 * * * *'

@description('Optional. Copy requests that may be outstanding, in multiples of what all instances work at once; `0` pauses discovery, `inf` never withholds it.')
@minLength(1)
@maxLength(16)
param discoverSaturation string = '1.5'

@description('Optional. Settings whose names begin with SOURCE_: what datasets.toml names as the secrets of its sources, best as references: `@Microsoft.KeyVault(SecretUri=...)`.')
@secure()
param sourceSettings object = {}

@description('Optional. Settings that switch tracing on, as docs/tracing.md has them: never together with the deployment of the first version that traces.')
@secure()
param tracingSettings object = {}

@description('Optional. The containers that the datasets copy into and publish items in, as datasets.toml names them.')
@minLength(1)
@maxLength(100)
param assetContainers string[] = [
  'assets'
]

@description('Optional. Days after which assets move to the cool tier; 0 leaves them where they are.')
@minValue(0)
@maxValue(36500)
param coolAssetsAfterDays int = 0

@description('Optional. Redundancy of the account with queues, tables and assets.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_GZRS'
])
param dataRedundancy string = 'Standard_LRS'

@description('Optional. Days for which deleted blobs and containers can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int = 7

@description('Optional. Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Optional. Addresses that are written to when an alarm rings, and when the budget is nearly spent.')
@maxLength(20)
param alarmEmails string[] = []

@description('Optional. What the resource group may cost in a month, in the currency of the bill; 0 for no budget.')
@minValue(0)
@maxValue(1000000)
param monthlyBudget int = 0

@description('Optional. The first day of the month from which on the budget counts: this one.')
@minLength(10)
@maxLength(10)
param budgetFrom string = utcNow('yyyy-MM-01')

@description('Optional. Object id of the group of people who look after Sluice; without one, nobody gets a role.')
@maxLength(36)
param operatorsGroupId string = ''

@description('Optional. Whether these people may send poison back to its queue, and not only read.')
param mayOperatorsRedrive bool = false

@description('Optional. Whether these people may begin, pause and cancel runs, ask for copies, and rebuild the ledger.')
param mayOperatorsSteer bool = false

@description('Optional. Whether storage is reached through a private network only.')
param isPrivate bool = false

@description('Conditional. The private network\'s addresses, a /25 at least; looked at if `isPrivate` is true.')
@minLength(9)
@maxLength(18)
param networkAddressPrefix string = '10.77.0.0/24'

var suffix = uniqueString(resourceGroup().id, name)
var packageContainer = 'app-package'
var pagesContainer = 'pages'
var itemsContainer = 'items'
var politenessContainer = 'politeness'

// Each queue that a function listens to, and the one that the platform moves its poison to. The app makes none of them:
// STORAGE_CREATE_MISSING is off.
var queues = [
  'discover'
  'discover-poison'
  'copy'
  'copy-poison'
  'copy-live'
  'copy-live-poison'
  'copy-later'
  'copy-later-poison'
  'publish'
  'publish-poison'
]
var tables = [
  'activity'
  'failures'
  'ledger'
  'runs'
]

// Pages are read again only while their run lasts. Documents of items stay: one that was put off, or sent back from
// poison, is published by its document however late.
var pagesRule = {
  name: 'delete-pages-after-a-month'
  type: 'Lifecycle'
  definition: {
    filters: {
      blobTypes: [
        'blockBlob'
      ]
      prefixMatch: [
        '${pagesContainer}/'
      ]
    }
    actions: {
      baseBlob: {
        delete: {
          daysAfterModificationGreaterThan: 30
        }
      }
    }
  }
}
var assetPrefixes = [for container in assetContainers: '${container}/']
var coolRule = {
  name: 'cool-assets'
  type: 'Lifecycle'
  definition: {
    filters: {
      blobTypes: [
        'blockBlob'
      ]
      prefixMatch: assetPrefixes
    }
    actions: {
      baseBlob: {
        tierToCool: {
          daysAfterModificationGreaterThan: coolAssetsAfterDays
        }
      }
    }
  }
}

// The host's locks, keys and timers, and the app's package. An account of its own: nothing here competes with copies.
module hostStorage 'modules/storage.bicep' = {
  name: 'host-storage'
  params: {
    name: '${toLower(name)}host${suffix}'
    location: location
    tags: tags
    isPrivate: isPrivate
    softDeleteDays: softDeleteDays
    containers: [
      packageContainer
    ]
  }
}

module dataStorage 'modules/storage.bicep' = {
  name: 'data-storage'
  params: {
    name: '${toLower(name)}data${suffix}'
    location: location
    tags: tags
    redundancy: dataRedundancy
    isPrivate: isPrivate
    softDeleteDays: softDeleteDays
    queues: queues
    tables: tables
    containers: union([pagesContainer, itemsContainer, politenessContainer], assetContainers)
    lifecycleRules: coolAssetsAfterDays > 0 ? [pagesRule, coolRule] : [pagesRule]
  }
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  params: {
    name: '${name}-${suffix}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    name: '${name}-${suffix}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dataAccountName: dataStorage.outputs.name
  }
}

module alarms 'modules/alarms.bicep' = {
  name: 'alarms'
  params: {
    name: '${name}-${suffix}'
    location: location
    tags: tags
    workspaceName: monitoring.outputs.workspaceName
    emails: alarmEmails
    monthlyBudget: monthlyBudget
    budgetFrom: budgetFrom
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  params: {
    hostAccountName: hostStorage.outputs.name
    dataAccountName: dataStorage.outputs.name
    componentName: monitoring.outputs.componentName
    appPrincipalId: identity.outputs.principalId
    operatorsGroupId: operatorsGroupId
    mayOperatorsRedrive: mayOperatorsRedrive
    mayOperatorsSteer: mayOperatorsSteer
  }
}

module network 'modules/network.bicep' = if (isPrivate) {
  name: 'network'
  params: {
    name: '${name}-${suffix}'
    location: location
    tags: tags
    addressPrefix: networkAddressPrefix
    hostAccountName: hostStorage.outputs.name
    dataAccountName: dataStorage.outputs.name
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  params: {
    name: '${name}-${suffix}'
    location: location
    tags: tags
    identityName: identity.outputs.name
    hostAccountName: hostStorage.outputs.name
    dataAccountName: dataStorage.outputs.name
    componentName: monitoring.outputs.componentName
    packageContainer: packageContainer
    subnetId: isPrivate ? network!.outputs.appSubnetId : ''
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    alwaysReady: alwaysReady
    datasetsFile: datasetsFile
    discoverSchedule: discoverSchedule
    discoverSaturation: discoverSaturation
    sourceSettings: sourceSettings
    tracingSettings: tracingSettings
  }
  // The first start needs the roles: without them the host can't reach its own storage.
  dependsOn: [
    roles
  ]
}

@description('The region.')
output AZURE_LOCATION string = location

@description('The app: what `az functionapp` calls --name.')
output AZURE_FUNCTION_NAME string = app.outputs.name

@description('Where it answers: https://<this>/api/status.')
output AZURE_FUNCTION_HOST_NAME string = app.outputs.hostName

@description('The account with queues, tables and assets: what `az storage` calls --account-name.')
output AZURE_DATA_ACCOUNT_NAME string = dataStorage.outputs.name

@description('The workspace with all logs.')
output AZURE_LOG_WORKSPACE_NAME string = monitoring.outputs.workspaceName
