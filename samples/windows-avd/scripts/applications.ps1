# Installs every MSI file of the package. Exit code 3010 asks for a restart, which the next step makes.
$ErrorActionPreference = 'Stop'
$folder = 'c:\buildartifacts\package\installers'
$restart = $false
foreach ($installer in Get-ChildItem -Path $folder -Filter *.msi | Sort-Object -Property Name) {
    Write-Host "Installing $($installer.Name)"
    # ALLUSERS: an application of one user alone makes Sysprep fail.
    $arguments = '/i', "`"$($installer.FullName)`"", '/qn', '/norestart', 'ALLUSERS=1'
    $process = Start-Process -FilePath msiexec.exe -ArgumentList $arguments -Wait -PassThru
    switch ($process.ExitCode) {
        0 { }
        3010 { $restart = $true }
        default { throw "$($installer.Name): msiexec ended with exit code $_" }
    }
}
if ($restart) { exit 3010 }
