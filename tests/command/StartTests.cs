using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary>What happens between the start of the process and the first token.</summary>
public sealed class StartTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-start").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_model_that_the_build_has_seen_runs_without_any_compiler_loaded()
    {
        string[] loaded = await AssembliesOf("run", Repository.TinyTrained, "In the beginning", "-n", "2");
        Assert.Contains("Sinter.Models", loaded);
        Assert.DoesNotContain(loaded, IsCompiler);
    }

    [Fact]
    public async Task A_model_that_no_build_has_seen_does_load_them()
    {
        string[] loaded = await AssembliesOf("run", Repository.TinyTrained, "In the beginning", "-n", "2", "--model", Path.Combine(Repository.Root, "models", "tiny_trained.sinter"));
        Assert.Contains("Microsoft.CodeAnalysis.CSharp", loaded);
        Assert.Contains("Sinter.Compiler", loaded);
    }

    [Fact]
    public async Task Timing_lists_parts_that_make_up_the_whole_and_leaves_the_text_as_it_is()
    {
        Outcome plain = await SinterProcess.Run("run", Repository.TinyTrained, "In the beginning", "-n", "4");
        Outcome timed = await SinterProcess.Run("run", Repository.TinyTrained, "In the beginning", "-n", "4", "--timing");
        Assert.Equal(plain.IsFine(), timed.IsFine());
        Assert.DoesNotContain(" ms  ", plain.Error);
        (double Time, string Part)[] lines = [.. timed.Error.Split('\n').Where(line => line.Contains(" ms  ", StringComparison.Ordinal)).Select(Parse)];
        foreach (string part in (string[])["start of the runtime", "command line", "model compiled at build", "weights", "caches", "tokenizer", "prefill", "first token"])
            Assert.Contains(lines, line => line.Part.Contains(part, StringComparison.Ordinal));
        Assert.All(lines, line => Assert.True(line.Time >= 0, line.Part));
        Assert.StartsWith("together", lines[^1].Part);
        Assert.Equal(lines[..^1].Sum(line => line.Time), lines[^1].Time, 0.1 * lines.Length);
    }

    private static bool IsCompiler(string assembly) =>
        assembly.StartsWith("Microsoft.CodeAnalysis", StringComparison.Ordinal) || assembly is "Sinter.Compiler" or "Sprache";

    private static (double Time, string Part) Parse(string line)
    {
        string[] halves = line.Split(" ms  ", 2);
        return (double.Parse(halves[0], CultureInfo.InvariantCulture), halves[1]);
    }

    private async Task<string[]> AssembliesOf(params string[] arguments)
    {
        string list = Path.Combine(_folder, "assemblies");
        Outcome outcome = await SinterProcess.Run(arguments, "", new Dictionary<string, string>
        {
            ["DOTNET_STARTUP_HOOKS"] = typeof(StartTests).Assembly.Location,
            [StartupHook.ListVariable] = list,
            ["XDG_CACHE_HOME"] = Path.Combine(_folder, "cache"),
        });
        outcome.IsFine();
        return File.ReadAllLines(list);
    }
}
