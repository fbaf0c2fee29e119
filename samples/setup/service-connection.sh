#!/bin/sh
# Creates the service connection, and makes the managed identity trust it. Run it after main.json or setup.sh:
# sh service-connection.sh <organization> <project> [<name of the connection> <managed identity>]
set -eu
organization=$1
project=$2
connection=${3:-images-prod}
group=rg-images
pipelineIdentity=${4:-id-image-pipeline}

# The id of Azure DevOps in Microsoft Entra ID, which is the resource of the token.
devops=499b84ac-1321-427f-aa17-267ca6975798
server=https://dev.azure.com/$organization
subscription=$(az account show --query id --output tsv)
subscriptionName=$(az account show --query name --output tsv)
tenant=$(az account show --query tenantId --output tsv)
client=$(az identity show --resource-group "$group" --name "$pipelineIdentity" --query clientId --output tsv)
projectId=$(az rest --resource "$devops" --url "$server/_apis/projects/$project?api-version=7.1" --query id --output tsv)

body=$(cat <<JSON
{
  "name": "$connection",
  "type": "azurerm",
  "url": "https://management.azure.com/",
  "data": {
    "environment": "AzureCloud",
    "scopeLevel": "Subscription",
    "subscriptionId": "$subscription",
    "subscriptionName": "$subscriptionName",
    "creationMode": "Manual"
  },
  "authorization": {
    "scheme": "WorkloadIdentityFederation",
    "parameters": { "tenantid": "$tenant", "serviceprincipalid": "$client" }
  },
  "isShared": false,
  "isReady": true,
  "serviceEndpointProjectReferences": [
    { "projectReference": { "id": "$projectId", "name": "$project" }, "name": "$connection" }
  ]
}
JSON
)
id=$(az rest --method post --resource "$devops" --url "$server/_apis/serviceendpoint/endpoints?api-version=7.1" \
  --body "$body" --query id --output tsv)

# Issuer and subject of the tokens are known only now.
endpoint="$server/$project/_apis/serviceendpoint/endpoints/$id?api-version=7.1"
issuer=$(az rest --resource "$devops" --url "$endpoint" \
  --query authorization.parameters.workloadIdentityFederationIssuer --output tsv)
subject=$(az rest --resource "$devops" --url "$endpoint" \
  --query authorization.parameters.workloadIdentityFederationSubject --output tsv)
az identity federated-credential create --resource-group "$group" --identity-name "$pipelineIdentity" --name azure-pipelines \
  --issuer "$issuer" --subject "$subject" --audiences api://AzureADTokenExchange
