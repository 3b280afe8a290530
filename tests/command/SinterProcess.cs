using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary>What a run of the command left behind.</summary>
internal sealed record Outcome(int Code, string Output, string Error)
{
    /// <summary>
    /// Exit code 1 and one sentence on the error stream, which says all of this. Before it there may stand what took long,
    /// on a machine as slow as that.
    /// </summary>
    public void IsRefusal(params string[] parts)
    {
        Assert.True(Code == 1, $"exit code {Code}\n{Error}\n{Output}");
        Assert.Equal("", Output);
        string line = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => !line.EndsWith('…'));
        Assert.StartsWith("sinter: ", line);
        foreach (string part in parts) Assert.Contains(part, line);
    }

    /// <summary>Exit code 0; standard output is returned.</summary>
    public string IsFine()
    {
        Assert.True(Code == 0, $"exit code {Code}\n{Error}\n{Output}");
        return Output;
    }
}

/// <summary>The built command, run as a process of its own.</summary>
internal static class SinterProcess
{
    /// <summary>A hanging command must not hang the tests.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(12);

    public static Task<Outcome> Run(params string[] arguments) => Run(arguments, input: "");

    public static async Task<Outcome> Run(string[] arguments, string input, Dictionary<string, string>? environment = null, string? folder = null)
    {
        using Process process = Start(arguments, environment, folder);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        using var limit = new CancellationTokenSource(s_limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"sinter {string.Join(' ', arguments)} did not end:\n{await error}");
        }

        return new Outcome(process.ExitCode, (await output).ReplaceLineEndings("\n"), (await error).ReplaceLineEndings("\n"));
    }

    public static Process Start(string[] arguments, Dictionary<string, string>? environment = null, string? folder = null)
    {
        var start = new ProcessStartInfo
        {
            FileName = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
            WorkingDirectory = folder ?? Repository.Root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "sinter.dll"));
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        start.Environment.Remove("SINTER_DEBUG");

        // Not the user's own; kept, so that a further run of the tests need not compile again.
        start.Environment["XDG_CACHE_HOME"] = Path.Combine(AppContext.BaseDirectory, "cache");
        foreach ((string name, string value) in environment ?? []) start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
