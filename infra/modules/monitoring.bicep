// Where logs go: one workspace, for the app's own and for what storage says about queues and blobs.

@description('Required. What the names begin with.')
@minLength(3)
@maxLength(50)
param name string

@description('Required. The region.')
@minLength(1)
@maxLength(64)
param location string

@description('Optional. Tags of workspace and component.')
param tags object = {}

@description('Required. Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param retentionDays int

@description('Required. The account with queues, tables and assets.')
@minLength(3)
@maxLength(24)
param dataAccountName string

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: '${name}-logs'
  location: location
  tags: tags
  properties: {
    retentionInDays: retentionDays
    sku: {
      name: 'PerGB2018'
    }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: '${name}-insights'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    // Telemetry comes in by Entra ID alone: the key in the connection string opens nothing.
    DisableLocalAuth: true
    IngestionMode: 'LogAnalytics'
    WorkspaceResourceId: workspace.id
  }
}

resource dataAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccountName

  resource blobService 'blobServices' existing = {
    name: 'default'
  }

  resource queueService 'queueServices' existing = {
    name: 'default'
  }
}

// A message that enters a poison queue is a write, whoever moved it. Reads would be every look at an empty queue.
resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: dataAccount::queueService
  name: 'sluice'
  properties: {
    workspaceId: workspace.id
    logs: [
      {
        category: 'StorageWrite'
        enabled: true
      }
    ]
  }
}

// Sluice deletes no blob: whatever stands here was somebody else. Writes stand in the ledger.
resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: dataAccount::blobService
  name: 'sluice'
  properties: {
    workspaceId: workspace.id
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
  }
}

@description('The workspace\'s name.')
output workspaceName string = workspace.name

@description('The Application Insights component\'s name.')
output componentName string = component.name
