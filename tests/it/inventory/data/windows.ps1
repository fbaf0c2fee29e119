function Get-ItemProperty {
    param([Parameter(Position = 0)] $Path, $LiteralPath)
    $key = "$Path$LiteralPath"
    $uninstall = 'SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\*'
    switch ($key) {
        'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion' {
            [pscustomobject]@{ ProductName = 'Windows 10 Enterprise multi-session'; DisplayVersion = '25H2'; CurrentBuild = '26200'; UBR = 7171; InstallationType = 'Client' }
        }
        "HKLM:\$uninstall" {
            [pscustomobject]@{ DisplayName = '7-Zip 25.01 (x64)'; DisplayVersion = '25.01'; Publisher = 'Igor Pavlov' }
            [pscustomobject]@{ DisplayName = 'Microsoft FSLogix Apps'; DisplayVersion = '3.25.822.19044'; Publisher = 'Microsoft Corporation' }
            [pscustomobject]@{ DisplayName = 'Remote Desktop WebRTC Redirector Service'; DisplayVersion = '1.54.2408.19001'; Publisher = 'Microsoft Corporation' }
            [pscustomobject]@{ DisplayName = 'Remote Desktop Services Infrastructure Agent'; DisplayVersion = '1.0.12183.900'; Publisher = 'Microsoft Corporation' }
            [pscustomobject]@{ DisplayName = "  Gr$([char]0xF6)$([char]0xDF)enrechner`t2 "; DisplayVersion = '1.0'; Publisher = 'Contoso GmbH' }
            [pscustomobject]@{ DisplayVersion = '9.9' }
        }
        'HKLM:\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall\*' {
            [pscustomobject]@{ DisplayName = 'Microsoft Edge'; DisplayVersion = '142.0.3595.53'; Publisher = 'Microsoft Corporation' }
            [pscustomobject]@{ DisplayName = 'Microsoft Visual C++ 2015-2022 Redistributable (x86) - 14.44.35211'; DisplayVersion = '14.44.35211.0'; Publisher = 'Microsoft Corporation' }
            [pscustomobject]@{ DisplayName = '7-Zip 25.01 (x64)'; DisplayVersion = '25.01'; Publisher = 'Igor Pavlov' }
        }
        'HKLM:\SOFTWARE\FSLogix\Apps' { [pscustomobject]@{ InstallVersion = '3.25.822.19044' } }
        'HKLM:\SOFTWARE\Microsoft\RDAgentBootLoader' { [pscustomobject]@{ DefaultAgent = 'RDAgent_1.0.12183.900' } }
        default { throw "Cannot find path '$key' because it does not exist." }
    }
}
function Get-AppxProvisionedPackage {
    param([switch] $Online)
    [pscustomobject]@{ DisplayName = 'Microsoft.WindowsCalculator'; Version = '2021.2502.2.0'; Architecture = 11 }
    [pscustomobject]@{ DisplayName = 'MSTeams'; Version = '25290.205.4069.4894'; Architecture = 9 }
    [pscustomobject]@{ DisplayName = 'Microsoft.HEIFImageExtension'; Version = '1.2.22.0'; Architecture = 'X64' }
}
function Get-HotFix {
    [pscustomobject]@{ HotFixID = 'KB5068861' }
    [pscustomobject]@{ HotFixID = 'KB5054156' }
}
function Get-WindowsOptionalFeature {
    param([switch] $Online)
    [pscustomobject]@{ FeatureName = 'NetFx4-AdvSrvs'; State = 'Enabled' }
    [pscustomobject]@{ FeatureName = 'SMB1Protocol'; State = 'Disabled' }
    [pscustomobject]@{ FeatureName = 'Printing-PrintToPDFServices-Features'; State = 'Enabled' }
}
function Get-WindowsCapability {
    param([switch] $Online)
    [pscustomobject]@{ Name = 'Language.Basic~~~de-DE~0.0.1.0'; State = 'Installed' }
    [pscustomobject]@{ Name = 'Language.Basic~~~fr-FR~0.0.1.0'; State = 'NotPresent' }
    [pscustomobject]@{ Name = 'OpenSSH.Client~~~~0.0.1.0'; State = 'Installed' }
}
function pnputil {
    $global:LASTEXITCODE = 0
    'Microsoft-PnP-Hilfsprogramm'
    ''
    'Ver' + [char]0xF6 + 'ffentlichter Name:     oem0.inf'
    'Originalname:      mlx5.inf'
    'Anbietername:      Mellanox Technologies Ltd.'
    'Klassenname:         Netzwerkadapter'
    'Klassen-GUID:         {4d36e972-e325-11ce-bfc1-08002be10318}'
    'Treiberversion:     11/04/2024 24.10.26603.0'
    'Signaturgeber:       Microsoft Windows Hardware Compatibility Publisher'
    ''
    'Ver' + [char]0xF6 + 'ffentlichter Name:     oem1.inf'
    'Originalname:      wvmbusvideo.inf'
    'Anbietername:      Microsoft'
    'Klassenname:         Grafikkarten'
    'Treiberversion:     06/21/2006 10.0.26100.1'
    ''
}
