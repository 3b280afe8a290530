using System;
using System.IO;
using System.Linq;

/// <summary>
/// Runs before a process that is started with this assembly in DOTNET_STARTUP_HOOKS, and writes at its end which assemblies
/// it has loaded. The runtime wants this name, and no namespace.
/// </summary>
internal static class StartupHook
{
    public const string ListVariable = "SINTER_TESTS_ASSEMBLY_LIST";

    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(ListVariable) is not { } path) return;
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
            File.WriteAllLines(path, AppDomain.CurrentDomain.GetAssemblies().Select(assembly => assembly.GetName().Name!));
    }
}
