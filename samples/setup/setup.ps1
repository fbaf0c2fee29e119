# The same as main.json and setup.sh with Azure PowerShell (modules Az.Accounts, Az.Resources, Az.Compute, Az.Storage,
# Az.ManagedServiceIdentity).
$ErrorActionPreference = 'Stop'
$location = 'westeurope'
$group = 'rg-images'
$imageIdentity = 'id-image-builder'
$pipelineIdentity = 'id-image-pipeline'
$releaseIdentity = 'id-image-release'
$gallery = 'galContoso'
$account = 'stcontosoimages'
# The resource group of the network, if builds run in your own subnets.
$networkGroup = ''

$subscription = (Get-AzContext).Subscription.Id

foreach ($provider in 'VirtualMachineImages', 'Compute', 'KeyVault', 'Storage', 'Network', 'ContainerInstance', 'ManagedIdentity') {
    Register-AzResourceProvider -ProviderNamespace "Microsoft.$provider"
}

New-AzResourceGroup -Name $group -Location $location

# Needs Owner, User Access Administrator or Role Based Access Control Administrator.
foreach ($role in 'pipeline', 'image', 'network', 'reader', 'log', 'release', 'release-reader', 'report', 'rollout', 'test', 'test-vm') {
    $file = New-TemporaryFile
    $text = Get-Content -Raw -Path "$PSScriptRoot/roles/$role.json"
    $text.Replace('00000000-0000-0000-0000-000000000000', $subscription) | Set-Content -Path $file
    New-AzRoleDefinition -InputFile $file
    Remove-Item -Path $file
}

New-AzUserAssignedIdentity -ResourceGroupName $group -Name $imageIdentity -Location $location
New-AzUserAssignedIdentity -ResourceGroupName $group -Name $pipelineIdentity -Location $location
New-AzUserAssignedIdentity -ResourceGroupName $group -Name $releaseIdentity -Location $location
$imagePrincipal = (Get-AzUserAssignedIdentity -ResourceGroupName $group -Name $imageIdentity).PrincipalId
$pipelinePrincipal = (Get-AzUserAssignedIdentity -ResourceGroupName $group -Name $pipelineIdentity).PrincipalId
$releasePrincipal = (Get-AzUserAssignedIdentity -ResourceGroupName $group -Name $releaseIdentity).PrincipalId

New-AzGallery -ResourceGroupName $group -Name $gallery -Location $location
$features = @(@{ Name = 'SecurityType'; Value = 'TrustedLaunchSupported' })
New-AzGalleryImageDefinition -ResourceGroupName $group -GalleryName $gallery -Location $location `
    -Name 'win11-avd' -Publisher 'Contoso' -Offer 'Desktops' -Sku 'win11-avd' `
    -OsType 'Windows' -OsState 'Generalized' -HyperVGeneration 'V2' -Architecture 'x64' -Feature $features
New-AzGalleryImageDefinition -ResourceGroupName $group -GalleryName $gallery -Location $location `
    -Name 'ubuntu-2404' -Publisher 'Contoso' -Offer 'Servers' -Sku 'ubuntu-2404' `
    -OsType 'Linux' -OsState 'Generalized' -HyperVGeneration 'V2' -Architecture 'x64' -Feature $features

New-AzStorageAccount -ResourceGroupName $group -Name $account -Location $location `
    -Kind 'StorageV2' -SkuName 'Standard_LRS' -MinimumTlsVersion 'TLS1_2' -EnableHttpsTrafficOnly $true `
    -AllowSharedKeyAccess $false -AllowBlobPublicAccess $false

# A new role or principal takes effect everywhere only after some minutes: if a command is refused, run the last lines again.
$groupId = "/subscriptions/$subscription/resourceGroups/$group"
$accountId = "$groupId/providers/Microsoft.Storage/storageAccounts/$account"
New-AzRoleAssignment -ObjectId $pipelinePrincipal -ObjectType 'ServicePrincipal' -RoleDefinitionName 'Image Builder Task pipeline' -Scope $groupId
New-AzRoleAssignment -ObjectId $pipelinePrincipal -ObjectType 'ServicePrincipal' -RoleDefinitionName 'Storage Blob Data Contributor' -Scope $accountId
New-AzRoleAssignment -ObjectId $pipelinePrincipal -ObjectType 'ServicePrincipal' -RoleDefinitionName 'Image Builder Task reader' -Scope "/subscriptions/$subscription"
# Only blobs in containers named 'packerlogs': the service writes the log there, in a storage account that it creates for each build.
$logOnly = @(
    "((!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'}))"
    "OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'packerlogs'))"
) -join ' '
New-AzRoleAssignment -ObjectId $pipelinePrincipal -ObjectType 'ServicePrincipal' -RoleDefinitionName 'Image Builder Task log' -Scope "/subscriptions/$subscription" `
    -Condition $logOnly -ConditionVersion '2.0'
New-AzRoleAssignment -ObjectId $releasePrincipal -ObjectType 'ServicePrincipal' -RoleDefinitionName 'Image Builder Task release' -Scope $groupId
New-AzRoleAssignment -ObjectId $releasePrincipal -ObjectType 'ServicePrincipal' -RoleDefinitionName 'Image Builder Task release reader' -Scope "/subscriptions/$subscription"
New-AzRoleAssignment -ObjectId $imagePrincipal -ObjectType 'ServicePrincipal' -RoleDefinitionName 'Image Builder Task image' -Scope $groupId
New-AzRoleAssignment -ObjectId $imagePrincipal -ObjectType 'ServicePrincipal' -RoleDefinitionName 'Storage Blob Data Reader' -Scope $accountId
if ($networkGroup) {
    New-AzRoleAssignment -ObjectId $imagePrincipal -ObjectType 'ServicePrincipal' -RoleDefinitionName 'Image Builder Task network' -Scope "/subscriptions/$subscription/resourceGroups/$networkGroup"
}
