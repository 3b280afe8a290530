using System;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Parquet;
using Parquet.Schema;
using Sinter.Tests.Data;
using Xunit;
using Xunit.Abstractions;

namespace Sinter.Packaging.Tests;

/// <summary>The command as one native file: what it runs, and what it says of what it cannot.</summary>
[Trait("Category", "Slow")]
public sealed class NativeCommandTests(ITestOutputHelper report) : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-native-").FullName;

    private string Program => Path.Combine(_folder, "sinter");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [AotFact]
    public async Task It_runs_the_models_of_its_build_and_refuses_what_needs_a_compiler()
    {
        DotnetCommand.Succeeds(Repository.Root, "publish", "tools/sinter/Sinter.Command.csproj", "-c", "Release", "-p:Native=true", "-o", _folder, "--nologo");
        Assert.Empty(Directory.GetFiles(_folder, "*.dll"));
        report.WriteLine($"{new FileInfo(Program).Length / 1e6:0.0} MB");

        using var golden = JsonDocument.Parse(File.ReadAllText(Repository.Data("tiny-trained", "text_golden.json")));
        foreach (JsonElement prompt in golden.RootElement.GetProperty("prompts").EnumerateArray())
            Assert.Equal(prompt.GetProperty("text").GetString(), Output("run", Repository.TinyTrained, prompt.GetProperty("prompt").GetString()!, "-n", "64").TrimEnd('\n'));

        // What the framework or a library does by reflection elsewhere.
        Assert.Contains("decoding", Output("bench", Repository.TinyTrained, "-p", "16", "-n", "4", "-r", "1"));
        Assert.Contains("parameters", Output("check", Path.Combine(Repository.Root, "models", "deepseek_v3_671b.sinter")));
        Assert.Contains("memory", Output("plan", Path.Combine(Repository.Root, "models", "deepseek_v3_671b.sinter")));
        await WriteParquet(Path.Combine(_folder, "a.parquet"), "In the beginning God created the heaven and the earth.");
        using var loss = JsonDocument.Parse(Output("eval", Repository.TinyTrained, "--data", Path.Combine(_folder, "a.parquet"), "--json"));
        Assert.InRange(loss.RootElement.GetProperty("loss").GetDouble(), 0.1, 4);
        Output("trace", Repository.TinyTrained, "--tokens", "1,2,3", "--out", Path.Combine(_folder, "trace.safetensors"));

        Refuses("cannot compile DeepseekV3", "run", Repository.Data("micro-train"), "a", "-n", "1");
        Refuses("cannot compile DeepseekV3", "bench", Repository.TinyTrained, "--roofline");
        Refuses("cannot run on a device", "run", Repository.TinyTrained, "a", "--device", "cuda");
        Refuses("cannot look for devices", "devices");

        double[] times = [.. Enumerable.Range(0, 9).Select(_ => Run("run", Repository.TinyTrained, "In the beginning", "-n", "1").Milliseconds).Order()];
        report.WriteLine($"from its start to its end with one token: {times[4]:0} ms in the median, {times[0]:0} at best");
    }

    private static async Task WriteParquet(string path, string text)
    {
        var field = new DataField<string>("text");
        await using FileStream stream = File.Create(path);
        await using ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema(field), stream);
        using ParquetRowGroupWriter group = writer.CreateRowGroup();
        await group.WriteAsync(field, (string[])[text]);
        group.CompleteValidate();
    }

    private string Output(params string[] arguments)
    {
        (int code, string output, string error, _) = Run(arguments);
        Assert.True(code == 0, $"sinter {string.Join(' ', arguments)} ended with {code}:\n{error}");
        return output;
    }

    private void Refuses(string sentence, params string[] arguments)
    {
        (int code, string output, string error, _) = Run(arguments);
        Assert.Equal((1, ""), (code, output));
        Assert.Contains($"sinter: This sinter is one native file and {sentence}", error);
        Assert.Contains("without Native=true", error);
    }

    private (int Code, string Output, string Error, double Milliseconds) Run(params string[] arguments)
    {
        long start = Stopwatch.GetTimestamp();
        using Process process = Process.Start(new ProcessStartInfo(Program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output.ReplaceLineEndings("\n"), error.Result, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }
}
