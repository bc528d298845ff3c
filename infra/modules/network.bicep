// A virtual network that reaches the two accounts by private endpoints. All three services of each: with one of them
// missing, names resolve to addresses that are closed, and the triggers go deaf.
// The provider Microsoft.App has to be registered in the subscription, since the app's subnet is delegated to it.

@description('Required. What the names begin with.')
@minLength(3)
@maxLength(50)
param name string

@description('Required. The region.')
@minLength(1)
@maxLength(64)
param location string

@description('Optional. Tags of everything here.')
param tags object = {}

@description('Required. The network\'s addresses; the first /26 is the app\'s, the second the endpoints\'.')
@minLength(9)
@maxLength(18)
param addressPrefix string

@description('Required. The account with the host\'s locks and the app\'s package.')
@minLength(3)
@maxLength(24)
param hostAccountName string

@description('Required. The account with queues, tables and assets.')
@minLength(3)
@maxLength(24)
param dataAccountName string

var appSubnet = 'app'
var endpointSubnet = 'endpoints'
var services = [
  'blob'
  'queue'
  'table'
]

resource hostAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostAccountName
}

resource dataAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccountName
}

resource virtualNetwork 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: '${name}-network'
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        addressPrefix
      ]
    }
    subnets: [
      {
        name: appSubnet
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 0)
          delegations: [
            {
              name: 'flex-consumption'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: endpointSubnet
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 1)
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for service in services: {
  name: 'privatelink.${service}.${environment().suffixes.storage}'
  location: 'global'
  tags: tags
}]

resource zoneLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (service, index) in services: {
  parent: zones[index]
  name: '${name}-${service}'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: virtualNetwork.id
    }
  }
}]

resource hostEndpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [for service in services: {
  name: '${name}-host-${service}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: '${virtualNetwork.id}/subnets/${endpointSubnet}'
    }
    privateLinkServiceConnections: [
      {
        name: service
        properties: {
          privateLinkServiceId: hostAccount.id
          groupIds: [
            service
          ]
        }
      }
    ]
  }
}]

resource hostZoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [for (service, index) in services: {
  parent: hostEndpoints[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: service
        properties: {
          privateDnsZoneId: zones[index].id
        }
      }
    ]
  }
}]

resource dataEndpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [for service in services: {
  name: '${name}-data-${service}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: '${virtualNetwork.id}/subnets/${endpointSubnet}'
    }
    privateLinkServiceConnections: [
      {
        name: service
        properties: {
          privateLinkServiceId: dataAccount.id
          groupIds: [
            service
          ]
        }
      }
    ]
  }
}]

resource dataZoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [for (service, index) in services: {
  parent: dataEndpoints[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: service
        properties: {
          privateDnsZoneId: zones[index].id
        }
      }
    ]
  }
}]

@description('The subnet for the app.')
output appSubnetId string = '${virtualNetwork.id}/subnets/${appSubnet}'
