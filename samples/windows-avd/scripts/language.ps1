# Adds a display language, makes it the default of the system, and sets the time zone. Needs Windows 11 22H2 or later, or Windows Server 2025:
# earlier systems have no Install-Language and no Set-SystemPreferredUILanguage.
$ErrorActionPreference = 'Stop'
# The desktops become German: set your own language here, and your time zone (Get-TimeZone -ListAvailable lists all).
$language = 'de-DE'
$timeZone = 'W. Europe Standard Time'

# Windows removes language packs that nobody has used yet, and does so before the first user signs in, unless these tasks are off.
$tasks = @(
    @{ TaskPath = '\Microsoft\Windows\AppxDeploymentClient\'; TaskName = 'Pre-staged app cleanup' },
    @{ TaskPath = '\Microsoft\Windows\MUI\'; TaskName = 'LPRemove' },
    @{ TaskPath = '\Microsoft\Windows\LanguageComponentsInstaller\'; TaskName = 'Uninstallation' }
)
foreach ($task in $tasks) {
    Disable-ScheduledTask @task -ErrorAction SilentlyContinue | Out-Null
}
$policies = 'HKLM:\SOFTWARE\Policies\Microsoft\Control Panel\International'
New-Item -Path $policies -Force | Out-Null
New-ItemProperty -Path $policies -Name BlockCleanupOfUnusedPreinstalledLangPacks -Value 1 -PropertyType DWord -Force | Out-Null

Install-Language -Language $language | Out-Null
Set-SystemPreferredUILanguage -Language $language
Set-TimeZone -Id $timeZone
Write-Host "Language $language, time zone $timeZone"
