#!/bin/sh
# The same as main.json, command by command, if you want to see each step or lack some of the permissions.
set -eu
location=westeurope
group=rg-images
imageIdentity=id-image-builder
pipelineIdentity=id-image-pipeline
releaseIdentity=id-image-release
gallery=galContoso
account=stcontosoimages
# The resource group of the network, if builds run in your own subnets.
networkGroup=${NETWORK_GROUP:-}

cd "$(dirname "$0")"
subscription=$(az account show --query id --output tsv)

for provider in VirtualMachineImages Compute KeyVault Storage Network ContainerInstance ManagedIdentity; do
  az provider register --namespace "Microsoft.$provider" --wait
done

az group create --name "$group" --location "$location"

# Needs Owner, User Access Administrator or Role Based Access Control Administrator.
for role in pipeline image network reader log release release-reader report rollout test test-vm; do
  az role definition create \
    --role-definition "$(sed "s/00000000-0000-0000-0000-000000000000/$subscription/" "roles/$role.json")"
done

az identity create --resource-group "$group" --name "$imageIdentity" --location "$location"
az identity create --resource-group "$group" --name "$pipelineIdentity" --location "$location"
az identity create --resource-group "$group" --name "$releaseIdentity" --location "$location"
imagePrincipal=$(az identity show --resource-group "$group" --name "$imageIdentity" --query principalId --output tsv)
pipelinePrincipal=$(az identity show --resource-group "$group" --name "$pipelineIdentity" --query principalId --output tsv)
releasePrincipal=$(az identity show --resource-group "$group" --name "$releaseIdentity" --query principalId --output tsv)

az sig create --resource-group "$group" --gallery-name "$gallery" --location "$location"
az sig image-definition create --resource-group "$group" --gallery-name "$gallery" --location "$location" \
  --gallery-image-definition win11-avd --publisher Contoso --offer Desktops --sku win11-avd \
  --os-type Windows --os-state Generalized --hyper-v-generation V2 --architecture x64 \
  --features SecurityType=TrustedLaunchSupported
az sig image-definition create --resource-group "$group" --gallery-name "$gallery" --location "$location" \
  --gallery-image-definition ubuntu-2404 --publisher Contoso --offer Servers --sku ubuntu-2404 \
  --os-type Linux --os-state Generalized --hyper-v-generation V2 --architecture x64 \
  --features SecurityType=TrustedLaunchSupported

az storage account create --resource-group "$group" --name "$account" --location "$location" \
  --kind StorageV2 --sku Standard_LRS --min-tls-version TLS1_2 --https-only true \
  --allow-shared-key-access false --allow-blob-public-access false

# A new role or principal takes effect everywhere only after some minutes: if a command is refused, run the script again.
grant() {
  principal=$1
  role=$2
  scope=$3
  shift 3
  az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal --role "$role" --scope "$scope" "$@"
}
# Only blobs in containers named 'packerlogs': the service writes the log there, in a storage account that it creates for each build.
logOnly="((!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'}))"
logOnly="$logOnly OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'packerlogs'))"
groupId=/subscriptions/$subscription/resourceGroups/$group
accountId=$groupId/providers/Microsoft.Storage/storageAccounts/$account
grant "$pipelinePrincipal" "Image Builder Task pipeline" "$groupId"
grant "$pipelinePrincipal" "Storage Blob Data Contributor" "$accountId"
grant "$pipelinePrincipal" "Image Builder Task reader" "/subscriptions/$subscription"
grant "$pipelinePrincipal" "Image Builder Task log" "/subscriptions/$subscription" --condition "$logOnly" --condition-version 2.0
grant "$releasePrincipal" "Image Builder Task release" "$groupId"
grant "$releasePrincipal" "Image Builder Task release reader" "/subscriptions/$subscription"
grant "$imagePrincipal" "Image Builder Task image" "$groupId"
grant "$imagePrincipal" "Storage Blob Data Reader" "$accountId"
if [ -n "$networkGroup" ]; then
  grant "$imagePrincipal" "Image Builder Task network" "/subscriptions/$subscription/resourceGroups/$networkGroup"
fi
