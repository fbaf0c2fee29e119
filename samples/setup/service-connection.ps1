# The same as service-connection.sh with Azure PowerShell: .\service-connection.ps1 -Organization contoso -Project shop
param(
    [Parameter(Mandatory)] [string] $Organization,
    [Parameter(Mandatory)] [string] $Project,
    [string] $Connection = 'images-prod',
    [string] $Identity = 'id-image-pipeline'
)
$ErrorActionPreference = 'Stop'
$group = 'rg-images'

# The id of Azure DevOps in Microsoft Entra ID, which is the resource of the token.
$devops = '499b84ac-1321-427f-aa17-267ca6975798'
$server = "https://dev.azure.com/$Organization"
$context = Get-AzContext
$client = (Get-AzUserAssignedIdentity -ResourceGroupName $group -Name $Identity).ClientId

function Read-Answer($answer) {
    if ($answer.StatusCode -ge 400) { throw "Azure DevOps answered $($answer.StatusCode): $($answer.Content)" }
    $answer.Content | ConvertFrom-Json
}

$projectId = (Read-Answer (Invoke-AzRestMethod -Uri "$server/_apis/projects/$($Project)?api-version=7.1" -ResourceId $devops)).id
$body = @{
    name                             = $Connection
    type                             = 'azurerm'
    url                              = 'https://management.azure.com/'
    data                             = @{
        environment      = 'AzureCloud'
        scopeLevel       = 'Subscription'
        subscriptionId   = $context.Subscription.Id
        subscriptionName = $context.Subscription.Name
        creationMode     = 'Manual'
    }
    authorization                    = @{
        scheme     = 'WorkloadIdentityFederation'
        parameters = @{ tenantid = $context.Tenant.Id; serviceprincipalid = $client }
    }
    isShared                         = $false
    isReady                          = $true
    serviceEndpointProjectReferences = @(
        @{ projectReference = @{ id = $projectId; name = $Project }; name = $Connection }
    )
} | ConvertTo-Json -Depth 5
$endpoints = "$server/_apis/serviceendpoint/endpoints?api-version=7.1"
$made = Read-Answer (Invoke-AzRestMethod -Method POST -Uri $endpoints -ResourceId $devops -Payload $body)

# Issuer and subject of the tokens are known only now.
$endpoint = "$server/$Project/_apis/serviceendpoint/endpoints/$($made.id)?api-version=7.1"
$parameters = (Read-Answer (Invoke-AzRestMethod -Uri $endpoint -ResourceId $devops)).authorization.parameters
New-AzFederatedIdentityCredential -ResourceGroupName $group -IdentityName $Identity -Name 'azure-pipelines' `
    -Issuer $parameters.workloadIdentityFederationIssuer -Subject $parameters.workloadIdentityFederationSubject `
    -Audience 'api://AzureADTokenExchange'
