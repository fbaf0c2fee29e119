# Stops the build here, with a reason, where Sysprep would fail later without one; and leaves no installers in the image. Needs Windows 10 1809,
# Windows Server 2019 or later: earlier systems have no Remove-AppxPackage -AllUsers.
$ErrorActionPreference = 'Stop'

$pending = @(
    'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending',
    'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired'
)
foreach ($key in $pending) {
    if (Test-Path -Path $key) { throw "Windows waits for a restart ($key). Add a WindowsRestart step before this one." }
}

# A Store application that is installed for a user, but not provisioned for all, is refused by Sysprep.
$provisioned = (Get-AppxProvisionedPackage -Online).DisplayName
$ofOneUser = Get-AppxPackage -AllUsers | Where-Object {
    $_.SignatureKind -eq 'Store' -and -not $_.IsFramework -and -not $_.NonRemovable -and $provisioned -notcontains $_.Name
}
foreach ($package in $ofOneUser) {
    Write-Host "Removing $($package.Name), which is not provisioned for all users"
    Remove-AppxPackage -Package $package.PackageFullName -AllUsers
}

Remove-Item -Path c:\buildartifacts -Recurse -Force -ErrorAction SilentlyContinue
