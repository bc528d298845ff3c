using './main.bicep'

// Everything has a default; main.bicep describes each parameter and its bounds.
param name = 'sluice'

// One number for the platform and for discovery: how far the app may scale out.
param maximumInstanceCount = 40
param instanceMemoryMB = 2048

// The containers of datasets.toml.
param assetContainers = [
  'assets'
]

// Who is written to when an alarm rings, and what a month may cost.
param alarmEmails = []
param monthlyBudget = 0

// The group of people who may read queues, tables and blobs; `mayOperatorsRedrive` lets them send poison back as well,
// `mayOperatorsSteer` begin and pause runs, ask for copies, and rebuild the ledger.
param operatorsGroupId = ''
param mayOperatorsRedrive = false
param mayOperatorsSteer = false

// true closes the storage accounts to everything but a virtual network of their own.
param isPrivate = false
