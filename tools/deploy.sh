#!/bin/sh
# Deploys Sluice into a resource group: every az line is shown as it is run; the first that fails ends it.
# The same lines, to be typed by hand, stand in docs/deploy.md.
set -eu

fail() {
    echo "deploy: $1" >&2
    exit 1
}

run() {
    echo "+ $*" >&2
    "$@"
}

cd "$(dirname "$0")/.."
group=${1:-}
location=${2:-}
[ -n "$group" ] && [ -n "$location" ] || fail "usage: make deploy RESOURCE_GROUP=… LOCATION=…"
command -v az >/dev/null 2>&1 || fail "the az CLI isn't installed (https://learn.microsoft.com/cli/azure/install-azure-cli)"
az account show --output none 2>/dev/null || fail "nobody is logged in; run: az login"

run az group create --name "$group" --location "$location" --output none
run az deployment group create --resource-group "$group" --name sluice \
    --template-file infra/main.bicep --parameters infra/main.bicepparam --output none
output() {
    run az deployment group show --resource-group "$group" --name sluice \
        --query "properties.outputs.$1.value" --output tsv
}
app=$(output AZURE_FUNCTION_NAME)
host=$(output AZURE_FUNCTION_HOST_NAME)
.venv/bin/python -m tools.package package.zip
run az functionapp deployment source config-zip --resource-group "$group" --name "$app" \
    --src package.zip --build-remote true --timeout 600 --output none
FUNCTION_KEY=$(run az functionapp keys list --resource-group "$group" --name "$app" \
    --query functionKeys.default --output tsv)
export FUNCTION_KEY
.venv/bin/python -m tools.smoke "https://$host" ||
    fail "the app was deployed, but a run of three assets did not end well; see docs/deploy.md"
echo "deploy: https://$host runs; its address of runs: https://$host/api/datasets/smoke/runs"
