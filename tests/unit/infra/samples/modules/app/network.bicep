@description('Name of the network.')
param vNetName string
param location string = resourceGroup().location
param accountId string
param peSubnetName string = 'private-endpoints'
param appSubnetName string = 'app'

var groups = ['blob', 'queue', 'table']

resource virtualNetwork 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: vNetName
  location: location
  properties: {
    addressSpace: {
      addressPrefixes: [
        '10.0.0.0/16'
      ]
    }
    encryption: {
      enabled: false
      enforcement: 'AllowUnencrypted'
    }
    subnets: [
      {
        name: peSubnetName
        properties: {
          addressPrefix: '10.0.1.0/24'
          privateEndpointNetworkPolicies: 'Disabled'
          privateLinkServiceNetworkPolicies: 'Enabled'
        }
      }
      {
        name: appSubnetName
        properties: {
          addressPrefix: '10.0.2.0/24'
          delegations: [
            {
              name: 'delegation'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
    ]
  }

  resource endpointSubnet 'subnets' existing = {
    name: peSubnetName
  }
}

resource endpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [for group in groups: {
  name: '${vNetName}-${group}'
  location: location
  properties: {
    subnet: {
      id: virtualNetwork::endpointSubnet.id
    }
    privateLinkServiceConnections: [
      {
        name: '${group}-connection'
        properties: {
          privateLinkServiceId: accountId
          groupIds: [
            group
          ]
        }
      }
    ]
  }
}]

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for group in groups: {
  name: 'privatelink.${group}.${environment().suffixes.storage}'
  location: 'global'

  resource link 'virtualNetworkLinks' = {
    name: '${vNetName}-link'
    location: 'global'
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: virtualNetwork.id
      }
    }
  }
}]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [for (group, index) in groups: {
  parent: endpoints[index]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: group
        properties: {
          privateDnsZoneId: zones[index].id
        }
      }
    ]
  }
}]

output appSubnetId string = '${virtualNetwork.id}/subnets/${appSubnetName}'
