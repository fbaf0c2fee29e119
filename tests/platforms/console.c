// Starts a program on a console, and presses Ctrl+C when a file appears, as the agent for Windows does to cancel a step:
// console.exe <file> <program> [argument...]
#include <stdio.h>
#include <windows.h>

static BOOL WINAPI go_on(DWORD event) {
    return event == CTRL_C_EVENT;
}

// The rest of a command line after its first word.
static wchar_t *after_word(wchar_t *text) {
    BOOL quoted = FALSE;
    while (*text && (quoted || *text != L' ')) quoted ^= *text++ == L'"';
    while (*text == L' ') text++;
    return text;
}

int wmain(int count, wchar_t **arguments) {
    STARTUPINFOW startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    DWORD code;
    if (count < 3) return 1;
    startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    startup.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    AllocConsole();
    // To ignore the event altogether would be inherited.
    SetConsoleCtrlHandler(go_on, TRUE);
    wchar_t *command = after_word(after_word(GetCommandLineW()));
    if (!CreateProcessW(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process)) return 2;
    while (WaitForSingleObject(process.hProcess, 50) == WAIT_TIMEOUT) {
        if (!DeleteFileW(arguments[1])) continue;
        if (!GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0)) fprintf(stderr, "no Ctrl+C: error %lu\n", GetLastError());
    }
    GetExitCodeProcess(process.hProcess, &code);
    return code;
}
