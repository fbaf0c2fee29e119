#!/bin/sh
# Stops new sessions on all session hosts of a pool except those whose names begin with <prefix>. Users with active sessions stay on the old hosts.
# sh drain-session-hosts.sh <resource group> <host pool> <prefix>
# When an old host has no sessions left, remove it from the pool, then delete its VM. Until then you can roll back: allow new sessions on it again.
set -eu
group=$1
pool=$2
prefix=$3
poolId=$(az resource show --resource-group "$group" --name "$pool" \
  --resource-type Microsoft.DesktopVirtualization/hostPools --query id --output tsv)
hosts=https://management.azure.com$poolId/sessionHosts

ready=$(az rest --url "$hosts?api-version=2024-04-03" \
  --query "length(value[?contains(name, '$prefix-') && properties.status=='Available'])")
if [ "$ready" -eq 0 ]; then
  echo "No session host of $pool that begins with $prefix is available: the old ones stay in use" >&2
  exit 1
fi
az rest --url "$hosts?api-version=2024-04-03" --query "value[?!contains(name, '$prefix-')].name" --output tsv |
  while read -r name; do
    echo "No new sessions on $name"
    az rest --method patch --url "$hosts/${name##*/}?api-version=2024-04-03" --output none \
      --body '{"properties":{"allowNewSession":false}}'
  done
