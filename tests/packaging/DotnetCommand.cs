using System.Diagnostics;
using System.Threading.Tasks;
using Xunit;

// Packing and publishing both restore the runtime: at once, one finds the other's half-written assets file (NU5023).
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Sinter.Packaging.Tests;

/// <summary>Runs <c>dotnet</c> as a user would.</summary>
internal static class DotnetCommand
{
    public static string Succeeds(string folder, params string[] arguments)
    {
        (int code, string output) = Run(folder, arguments);
        Assert.True(code == 0, $"dotnet {string.Join(" ", arguments)}:\n{output}");
        return output;
    }

    /// <summary>Its exit code and what it wrote: all of it where it failed, else only standard output.</summary>
    public static (int Code, string Output) Run(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["DOTNET_NOLOGO"] = "1";

        // Build servers would outlive the command and keep its output open.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["UseSharedCompilation"] = "false";

        // The test host's own settings must not reach the builds that it starts.
        foreach (string name in new[] { "MSBUILD_EXE_PATH", "MSBuildSDKsPath", "MSBuildExtensionsPath", "MSBuildLoadMicrosoftTargetsReadOnly" }) start.Environment.Remove(name);
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, process.ExitCode == 0 ? output : output + error.Result);
    }
}
