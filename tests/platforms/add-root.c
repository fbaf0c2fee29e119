// Puts a certificate authority (DER) into the machine's list of trusted ones, as an administrator does: add-root.exe <file>
#include <windows.h>
#include <wincrypt.h>

int wmain(int count, wchar_t **arguments) {
    static BYTE bytes[65536];
    DWORD length;
    if (count != 2) return 1;
    HANDLE file = CreateFileW(arguments[1], GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE || !ReadFile(file, bytes, sizeof bytes, &length, NULL)) return 2;
    HCERTSTORE store = CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, CERT_SYSTEM_STORE_LOCAL_MACHINE, L"Root");
    if (!store) return 3;
    if (!CertAddEncodedCertificateToStore(store, X509_ASN_ENCODING, bytes, length, CERT_STORE_ADD_REPLACE_EXISTING, NULL)) return 4;
    return CertCloseStore(store, 0) ? 0 : 5;
}
