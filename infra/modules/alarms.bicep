// What rings when something stopped, and the workbook that shows the same queries.

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

@description('Required. The workspace with all logs.')
@minLength(4)
@maxLength(63)
param workspaceName string

@description('Required. Addresses that are written to when an alarm rings; with none of them an alarm is seen in the portal only.')
@maxLength(20)
param emails string[]

@description('Required. What the resource group may cost in a month, in the currency of the bill; 0 for no budget.')
@minValue(0)
@maxValue(1000000)
param monthlyBudget int

@description('Required. The first day of the month from which on the budget counts.')
@minLength(10)
@maxLength(10)
param budgetFrom string

// A query that answers anything rings, for each value of `dimension` by itself. docs/alarms.md tells of each.
var alarms = [
  {
    name: 'poison'
    title: 'Poison is more than 0'
    description: 'Requests failed for good. docs/runbook.md#poison-is-more-than-0'
    query: loadTextContent('../queries/poison.kql')
    dimension: 'Queue'
    severity: 2
    windowSize: 'PT30M'
  }
  {
    name: 'run-stalled'
    title: 'A run stands still'
    description: 'A run makes no progress. docs/runbook.md#a-run-stands-still'
    query: loadTextContent('../queries/run-stalled.kql')
    dimension: 'Dataset'
    severity: 2
    windowSize: 'PT30M'
  }
  {
    name: 'dataset-stale'
    title: 'A dataset is stale'
    description: 'A dataset was not read whole for longer than its goal. docs/runbook.md#nothing-new-comes'
    query: loadTextContent('../queries/dataset-stale.kql')
    dimension: 'Dataset'
    severity: 2
    windowSize: 'PT30M'
  }
  {
    name: 'run-incomplete'
    title: 'A run is incomplete'
    description: 'A run ended without having read all. docs/runbook.md#a-run-is-incomplete'
    query: loadTextContent('../queries/run-incomplete.kql')
    dimension: 'Dataset'
    severity: 2
    windowSize: 'PT30M'
  }
  {
    name: 'message-too-old'
    title: 'A message is not taken'
    description: 'A message waits for two hours, visible, and nobody takes it. docs/runbook.md#a-run-stands-still'
    query: loadTextContent('../queries/message-too-old.kql')
    dimension: 'Queue'
    severity: 2
    windowSize: 'PT30M'
  }
  {
    name: 'host-deferring'
    title: 'A host throttles for hours'
    description: 'A host asks for patience, or does not answer, for two hours. docs/runbook.md#a-host-throttles-for-hours'
    query: loadTextContent('../queries/host-deferring.kql')
    dimension: 'Dataset'
    severity: 3
    // A page that is put off says so once an hour.
    windowSize: 'PT2H'
  }
  {
    name: 'function-errors'
    title: 'Functions fail'
    description: 'A function fails again and again. docs/runbook.md#a-deployment-went-wrong'
    query: loadTextContent('../queries/function-errors.kql')
    dimension: 'Function'
    severity: 2
    windowSize: 'PT1H'
  }
  {
    name: 'app-silent'
    title: 'The app is silent'
    description: 'The app has not said how things stand for half an hour. docs/runbook.md#a-deployment-went-wrong'
    query: loadTextContent('../queries/app-silent.kql')
    dimension: ''
    severity: 1
    windowSize: 'PT30M'
  }
]

var charts = [
  {
    title: 'Outstanding messages'
    query: loadTextContent('../queries/lanes.kql')
    visualization: 'timechart'
  }
  {
    title: 'Copied of the day, in GB'
    query: loadTextContent('../queries/copies.kql')
    visualization: 'timechart'
  }
  {
    title: 'Why copies failed'
    query: loadTextContent('../queries/failures.kql')
    visualization: 'table'
  }
]

var chartItems = [for chart in charts: {
  type: 3
  name: chart.title
  content: {
    version: 'KqlItem/1.0'
    title: chart.title
    query: chart.query
    visualization: chart.visualization
    queryType: 0
    resourceType: 'microsoft.operationalinsights/workspaces'
    timeContext: {
      durationMs: 86400000
    }
    size: 0
  }
}]
var alarmItems = [for alarm in alarms: {
  type: 3
  name: alarm.name
  content: {
    version: 'KqlItem/1.0'
    title: alarm.title
    query: alarm.query
    visualization: 'table'
    noDataMessage: 'All is well.'
    noDataMessageStyle: 3
    queryType: 0
    resourceType: 'microsoft.operationalinsights/workspaces'
    timeContext: {
      durationMs: 3600000
    }
    size: 4
  }
}]

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource mail 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(emails)) {
  name: '${name}-mail'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'sluice'
    enabled: true
    emailReceivers: [for (email, number) in emails: {
      name: 'mail-${number}'
      emailAddress: email
      useCommonAlertSchema: true
    }]
  }
}

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for alarm in alarms: {
  name: '${name}-${alarm.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Sluice: ${alarm.title}'
    description: alarm.description
    enabled: true
    severity: alarm.severity
    scopes: [
      workspace.id
    ]
    evaluationFrequency: 'PT15M'
    windowSize: alarm.windowSize
    // It is over once the query answers nothing.
    autoMitigate: true
    // The tables are there once the app has logged something.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: alarm.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: empty(alarm.dimension) ? [] : [
            {
              name: alarm.dimension
              operator: 'Include'
              values: [
                '*'
              ]
            }
          ]
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: empty(emails) ? [] : [
        mail.id
      ]
    }
  }
}]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, name)
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: '${name}: how things stand'
    category: 'workbook'
    sourceId: workspace.id
    version: 'Notebook/1.0'
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat(chartItems, alarmItems)
    })
  }
}

resource budget 'Microsoft.Consumption/budgets@2023-11-01' = if (monthlyBudget > 0) {
  name: '${name}-month'
  properties: {
    category: 'Cost'
    amount: monthlyBudget
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: '${budgetFrom}T00:00:00Z'
    }
    notifications: {
      spent: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: emails
        contactRoles: [
          'Owner'
        ]
      }
      foreseen: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: emails
        contactRoles: [
          'Owner'
        ]
      }
    }
  }
}
