// Who may do what. Data only, and account by account: nobody here may read keys, change settings or make accounts.

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

@description('Required. Principal id of the app\'s identity.')
@minLength(36)
@maxLength(36)
param appPrincipalId string

@description('Optional. Object id of the operators\' group; empty for none.')
@maxLength(36)
param operatorsGroupId string = ''

@description('Conditional. Whether the operators may send poison back; looked at if `operatorsGroupId` is given.')
param mayOperatorsRedrive bool = false

@description('Conditional. Whether the operators may begin, pause and cancel runs, ask for copies, and rebuild the ledger; looked at if `operatorsGroupId` is given.')
param mayOperatorsSteer bool = false

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roleIds = {
  'Monitoring Metrics Publisher': '3913510d-42f4-4e42-8a64-420c390055eb'
  'Storage Blob Data Contributor': 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  'Storage Blob Data Owner': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  'Storage Blob Data Reader': '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  'Storage Queue Data Contributor': '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  'Storage Queue Data Message Processor': '8a0f0c08-91a1-4084-bc3d-661d67233fed'
  'Storage Queue Data Message Sender': 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
  'Storage Queue Data Reader': '19e7f393-937e-4f77-808e-94535e297925'
  'Storage Table Data Contributor': '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  'Storage Table Data Reader': '76199698-9eea-4c19-bc75-cec21354c6b6'
}

// The host leases blobs and keeps keys here, and writes its diagnostic events into a table.
var appOnHostAccount = [
  'Storage Blob Data Owner'
  'Storage Table Data Contributor'
]
// Contributor of queues: the host shows a message again after a failure, and prolongs a long one, by Update Message,
// which Reader, Message Processor and Message Sender together don't allow
// (https://github.com/MicrosoftDocs/azure-docs/issues/120932).
var appOnDataAccount = [
  'Storage Blob Data Contributor'
  'Storage Queue Data Contributor'
  'Storage Table Data Contributor'
]
var appOnComponent = [
  'Monitoring Metrics Publisher'
]
var readingRoles = [
  'Storage Blob Data Reader'
  'Storage Queue Data Reader'
  'Storage Table Data Reader'
]
// Receive, send, delete: what a redrive does, and nothing that empties or removes a queue.
var redrivingRoles = [
  'Storage Queue Data Message Processor'
  'Storage Queue Data Message Sender'
]
// Runs, pauses, failures and the ledger are rows; items that are to be published are kept as blobs before they are asked for.
var steeringRoles = [
  'Storage Blob Data Contributor'
  'Storage Queue Data Message Sender'
  'Storage Table Data Contributor'
]
var operatorRoles = union(
  readingRoles,
  mayOperatorsRedrive ? redrivingRoles : [],
  mayOperatorsSteer ? steeringRoles : []
)

resource hostAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostAccountName
}

resource dataAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccountName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource appHostRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in appOnHostAccount: {
  scope: hostAccount
  name: guid(hostAccount.id, appPrincipalId, roleIds[role])
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[role])
  }
}]

resource appDataRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in appOnDataAccount: {
  scope: dataAccount
  name: guid(dataAccount.id, appPrincipalId, roleIds[role])
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[role])
  }
}]

resource appComponentRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in appOnComponent: {
  scope: component
  name: guid(component.id, appPrincipalId, roleIds[role])
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[role])
  }
}]

resource operatorDataRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in operatorRoles: if (!empty(operatorsGroupId)) {
  scope: dataAccount
  name: guid(dataAccount.id, operatorsGroupId, roleIds[role])
  properties: {
    principalId: operatorsGroupId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[role])
  }
}]
