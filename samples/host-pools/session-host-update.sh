#!/bin/sh
# The other way to update a host pool, by the service itself (session host update, API in preview): the pool must have a session host
# configuration. Azure Virtual Desktop then replaces the machines in batches.
# sh session-host-update.sh <resource group> <host pool> <image version id>
set -eu
group=$1
pool=$2
image=$3
version=2026-04-01-preview
poolId=$(az resource show --resource-group "$group" --name "$pool" \
  --resource-type Microsoft.DesktopVirtualization/hostPools --query id --output tsv)
base=https://management.azure.com$poolId

if ! az rest --url "$base/sessionHostConfigurations/default?api-version=$version" --output none; then
  echo "$pool has no session host configuration: use add-session-hosts.sh and drain-session-hosts.sh" >&2
  exit 1
fi

az rest --method patch --url "$base/sessionHostConfigurations/default?api-version=$version" --output none \
  --body "{\"properties\":{\"imageInfo\":{\"type\":\"Custom\",\"customInfo\":{\"resourceId\":\"$image\"}}}}"
while :; do
  state=$(az rest --url "$base/sessionHostConfigurations/default?api-version=$version" --query properties.provisioningState --output tsv)
  case $state in
    Succeeded) break ;;
    Failed | Canceled) echo "The session host configuration is $state" >&2; exit 1 ;;
  esac
  sleep 10
done

az rest --method post --url "$base/sessionHostManagements/default/initiateSessionHostUpdate?api-version=$version" --output none \
  --body '{"update":{"deleteOriginalVm":false,"maxVmsRemoved":1,"logOffDelayMinutes":15,"logOffMessage":"This desktop is updated in 15 minutes. Save your work."}}'
# How far it is; control it with controlSessionHostUpdate (pause, resume, cancel, retry).
az rest --url "$base/sessionHostManagements/default/sessionHostUpdateStatuses/default?api-version=$version" \
  --query "{status: status, percent: percentComplete, error: error.message}"
