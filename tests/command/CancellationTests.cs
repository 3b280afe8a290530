using System;
using System.Diagnostics;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary>Ctrl-C ends long work at once, with the exit code that shells give it.</summary>
public sealed class CancellationTests
{
    [Theory]
    [InlineData("bench", "models/tiny-trained", "-n", "400", "-p", "100", "-r", "1000")]
    [InlineData("run", "models/tiny-trained")]
    public async Task Stops_when_interrupted(params string[] arguments)
    {
        if (!OperatingSystem.IsLinux()) return;
        using Process process = SinterProcess.Start(arguments);
        Task<string> error = process.StandardError.ReadToEndAsync();

        // By then it computes, or waits for its prompt.
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (!process.HasExited && !System.IO.File.ReadAllText($"/proc/{process.Id}/maps").Contains("System.Console.dll", StringComparison.Ordinal))
            await Task.Delay(50, limit.Token);
        await Task.Delay(1500, limit.Token);
        Process.Start("kill", ["-INT", $"{process.Id}"]).WaitForExit();
        await process.WaitForExitAsync(limit.Token);
        Assert.Equal(130, process.ExitCode);
        Assert.Equal("sinter: cancelled.", (await error).TrimEnd().Split('\n').Last());
    }
}
