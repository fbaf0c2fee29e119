// Wine 8 refuses a certificate whose revocation cannot be looked up, even if it was told to let that pass; Windows lets it pass. So nothing is revoked here.
#include <windows.h>
#include <wincrypt.h>

__declspec(dllexport) BOOL WINAPI CertDllVerifyRevocation(DWORD encoding, DWORD type, DWORD count, void **contexts, DWORD flags,
                                                          CERT_REVOCATION_PARA *parameters, CERT_REVOCATION_STATUS *status) {
    return TRUE;
}
