using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Runtime.Intrinsics;
using System.Text.RegularExpressions;
using System.Threading;
using System.Threading.Tasks;

namespace Sinter.Tests.Machines;

/// <summary>
/// Tests of a project run once more in a process whose runtime believes the processor to have narrower vectors, as most
/// processors have. Which instructions there are is settled when a process starts, so it must be another one.
/// </summary>
public static partial class NarrowerVectors
{
    /// <summary>Tells the other process how wide its vectors should be, so that one where the setting does nothing passes no test.</summary>
    private const string Wanted = "SINTER_TEST_VECTOR_BITS";

    /// <summary>A hanging process must not hang the tests.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    /// <summary>What programs choose their lanes by; 0 where even 128 bits are made of single numbers.</summary>
    public static int Bits =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;

    /// <summary>The .NET runtime's settings that make vectors of this machine narrower, and the bits that are left.</summary>
    public static IEnumerable<(string Setting, int Bits)> Settings
    {
        get
        {
            if (Vector512.IsHardwareAccelerated) yield return ("DOTNET_EnableAVX512", 256);
            if (Vector256.IsHardwareAccelerated) yield return ("DOTNET_EnableAVX2", 128);
            yield return ("DOTNET_EnableHWIntrinsic", 0);
        }
    }

    /// <summary>For tests that may run in such a process.</summary>
    /// <exception cref="InvalidOperationException">The vectors are others than the process was started for.</exception>
    public static void CheckThatTheyAreAsWanted()
    {
        if (Environment.GetEnvironmentVariable(Wanted) is { } wanted && wanted != Bits.ToString(CultureInfo.InvariantCulture))
            throw new InvalidOperationException($"This process should have vectors of {wanted} bits, and has {Bits}.");
    }

    /// <summary>Runs tests with <paramref name="setting"/> switched off.</summary>
    /// <param name="ofAssembly">A type of the tests' assembly.</param>
    /// <param name="filter">Which tests, as <c>dotnet test --filter</c> has it.</param>
    /// <returns>How many passed and failed, and all that was printed.</returns>
    public static async Task<(int Passed, int Failed, string Output)> Run(Type ofAssembly, string filter, string setting, int bits)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in new[] { "vstest", ofAssembly.Assembly.Location, $"--TestCaseFilter:{filter}" }) start.ArgumentList.Add(argument);
        start.Environment[setting] = "0";
        start.Environment[Wanted] = bits.ToString(CultureInfo.InvariantCulture);
        start.Environment["DOTNET_CLI_UI_LANGUAGE"] = "en";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(s_limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"Tests with {setting}=0 did not end:\n{await output}");
        }

        string text = await output + await error;
        Match counts = Counts().Matches(text).LastOrDefault() ?? throw new InvalidOperationException($"No tests ran:\n{text}");
        return (int.Parse(counts.Groups["passed"].Value, CultureInfo.InvariantCulture), int.Parse(counts.Groups["failed"].Value, CultureInfo.InvariantCulture), text);
    }

    [GeneratedRegex(@"Failed:\s+(?<failed>\d+), Passed:\s+(?<passed>\d+),", RegexOptions.ExplicitCapture)]
    private static partial Regex Counts();
}
