// Wine 8 has no bcryptprimitives.dll, out of which Rust's standard library takes its randomness on Windows; every Windows that we support has it.
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length) {
    return SystemFunction036(buffer, (ULONG)length);
}
