// The app's identity. It is not the app's own (system-assigned) one, so that it can be given its roles before the app
// exists: the first start would fail without them.

@description('Required. The identity\'s name.')
@minLength(3)
@maxLength(128)
param name string

@description('Required. The region.')
@minLength(1)
@maxLength(64)
param location string

@description('Optional. Tags of the identity.')
param tags object = {}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('The identity\'s name.')
output name string = identity.name

@description('Whom roles are assigned to.')
output principalId string = identity.properties.principalId
