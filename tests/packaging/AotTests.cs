using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text.Json;
using Sinter.Tests.Data;
using Xunit;
using Xunit.Abstractions;

namespace Sinter.Packaging.Tests;

/// <summary>A program with a model in it as one native file, which compiles nothing when it starts.</summary>
[Trait("Category", "Slow")]
public sealed class AotTests(ITestOutputHelper report) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-aot-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [AotFact]
    public void A_published_program_says_what_the_reference_says()
    {
        DotnetCommand.Succeeds(Repository.Root, "publish", "tests/aot/Sinter.Aot.csproj", "-c", "Release", "-o", _folder, "--nologo");
        string program = Path.Combine(_folder, "Sinter.Aot");
        Assert.Empty(Directory.GetFiles(_folder, "*.dll"));
        report.WriteLine($"{new FileInfo(program).Length / 1e6:0.0} MB");

        using var golden = JsonDocument.Parse(File.ReadAllText(Repository.Data("tiny-trained", "text_golden.json")));
        foreach (JsonElement prompt in golden.RootElement.GetProperty("prompts").EnumerateArray())
        {
            (string text, _) = Run(program, "64", prompt.GetProperty("prompt").GetString()!);
            Assert.Equal(prompt.GetProperty("text").GetString(), text);
        }

        double[] times = [.. Enumerable.Range(0, 9).Select(_ => Run(program, "1", "In the beginning").Milliseconds).Order()];
        report.WriteLine($"from its start to its end with one token: {times[4]:0} ms in the median, {times[0]:0} at best");
    }

    private static (string Text, double Milliseconds) Run(string program, params string[] arguments)
    {
        long start = Stopwatch.GetTimestamp();
        using Process process = Process.Start(new ProcessStartInfo(program, [Repository.TinyTrained, .. arguments]) { RedirectStandardOutput = true })!;
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return (text.ReplaceLineEndings("\n"), Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }
}

/// <summary>A test that needs the native compiler and a linker; without them it is left out and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AotFactAttribute : FactAttribute
{
    public AotFactAttribute()
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        if (!OperatingSystem.IsLinux() || RuntimeInformation.OSArchitecture != Architecture.X64) Skip = "Native AOT is tried on Linux with x64 only.";
        else if (!folders.Any(folder => File.Exists(Path.Combine(folder, "clang")) || File.Exists(Path.Combine(folder, "gcc"))))
            Skip = "Native AOT links with clang or gcc, and neither is on the path.";
        else if (!Directory.Exists(Path.Combine(PackageFeed.UserPackages, "runtime.linux-x64.microsoft.dotnet.ilcompiler")))
            Skip = "The package of the native compiler is not there; 'dotnet restore tests/aot -p:_IsPublishing=true' fetches it.";
    }
}
