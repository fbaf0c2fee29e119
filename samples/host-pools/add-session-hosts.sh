#!/bin/sh
# Adds session hosts from an image version to a host pool:
# sh add-session-hosts.sh <resource group> <host pool> <number> <build number> <image version id>
# ADMIN_PASSWORD in the environment is the password of the local administrator. Without it, a random password is set that is not shown.
set -eu
group=$1
pool=$2
count=$3
build=$4
image=$5
subnet=${SUBNET_ID:-/subscriptions/$(az account show --query id --output tsv)/resourceGroups/$group/providers/Microsoft.Network/virtualNetworks/vnet-avd/subnets/snet-hosts}

# The computer's name is the prefix, a dash and a number, and has at most 15 characters.
prefix=avd$build
if [ ${#prefix} -gt 12 ]; then
  echo "The build number '$build' is too long for a computer's name: 'avd', the number, '-', two digits are at most 15 characters" >&2
  exit 1
fi

poolId=$(az resource show --resource-group "$group" --name "$pool" \
  --resource-type Microsoft.DesktopVirtualization/hostPools --query id --output tsv)

# The registration key with which VMs join the pool. It is valid for four hours.
expires=$(date -u -d '+4 hours' +%Y-%m-%dT%H:%M:%SZ)
az rest --method patch --url "https://management.azure.com$poolId?api-version=2024-04-03" --output none \
  --body "{\"properties\":{\"registrationInfo\":{\"expirationTime\":\"$expires\",\"registrationTokenOperation\":\"Update\"}}}"
token=$(az rest --method post --url "https://management.azure.com$poolId/retrieveRegistrationToken?api-version=2024-04-03" \
  --query token --output tsv)

password=${ADMIN_PASSWORD:-$(head -c 30 /dev/urandom | base64)aA1!}
parameters=$(mktemp)
trap 'rm -f "$parameters"' EXIT
cat > "$parameters" <<JSON
{
  "\$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {
    "namePrefix": { "value": "$prefix" },
    "count": { "value": $count },
    "imageVersionId": { "value": "$image" },
    "hostPoolName": { "value": "$pool" },
    "subnetId": { "value": "$subnet" },
    "registrationToken": { "value": "$token" },
    "adminPassword": { "value": "$password" }
  }
}
JSON
# A deployment of VMs that join a pool can take long or hang: start it, then poll it, so that the sign-in does not expire.
name=$prefix-$(date -u +%H%M%S)
az deployment group create --resource-group "$group" --name "$name" --no-wait \
  --template-file session-hosts.json --parameters "@$parameters"
tries=0
while :; do
  state=$(az deployment group show --resource-group "$group" --name "$name" --query properties.provisioningState --output tsv)
  echo "$name: $state"
  case $state in
    Succeeded) exit 0 ;;
    Failed | Canceled)
      az deployment operation group list --resource-group "$group" --name "$name" \
        --query "[?properties.provisioningState=='Failed'].properties.statusMessage" --output json >&2
      exit 1
      ;;
  esac
  tries=$((tries + 1))
  if [ $tries -gt 120 ]; then
    echo "$name has not ended within an hour" >&2
    exit 1
  fi
  sleep 30
done
