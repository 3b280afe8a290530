using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Threading.Tasks;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Command.Tests;

/// <summary><c>mpirun -n 2 sinter train</c>, with real processes.</summary>
public sealed class MpiTrainTests : IDisposable
{
    private static readonly string s_val = Repository.Data("corpus", "val.txt");

    private static readonly string[] s_small =
    [
        "--set", "hidden_size=64", "--set", "intermediate_size=96", "--set", "moe_intermediate_size=32", "--set", "q_lora_rank=32", "--set", "kv_lora_rank=32",
        "--set", "batch=4", "--set", "pretrain.length=32", "--set", "rate=0 to 3e-3 over 5 steps, then 3e-3", "--validate-rows", "4", "-t", "1",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("sinter-mpi").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [MpiFact]
    public async Task Two_processes_go_the_way_of_one_and_one_goes_on_where_two_stood()
    {
        (await SinterProcess.Run(Arguments("one", "--steps", "14"))).IsFine();
        (int code, string output, string error) = await Mpi(Arguments("two", "--steps", "10"));
        Assert.True(code == 0, error);
        Assert.Single(output.Split('\n'), line => line.StartsWith("saved ", StringComparison.Ordinal));
        (await SinterProcess.Run(Arguments("two", "--steps", "14", "--resume"))).IsFine();

        JsonElement[] one = Steps("one"), two = Steps("two");
        Assert.Equal(Enumerable.Range(1, 14), two.Select(line => line.GetProperty("step").GetInt32()));
        foreach ((JsonElement a, JsonElement b) in one.Zip(two))
        {
            foreach (string loss in (string[])["main", "balance", "norm"]) Near(a.GetProperty(loss).GetDouble(), b.GetProperty(loss).GetDouble());
            Near(a.GetProperty("mtp")[0].GetDouble(), b.GetProperty("mtp")[0].GetDouble());
            Assert.Equal(Tokens(a), Tokens(b));
        }

        // What float32 leaves open after the few steps in which weights have moved.
        static void Near(double a, double b) => Assert.Equal(a, b, 1e-4 * Math.Abs(a));
        static int Tokens(JsonElement line) => line.GetProperty("loads").EnumerateArray().Sum(layer => layer.EnumerateArray().Sum(load => load.GetInt32()));
    }

    [MpiFact]
    public async Task What_all_processes_meet_is_said_once()
    {
        (int code, _, string error) = await Mpi(Arguments("bad", "--steps", "1", "--set", "pretrain.length=600"));
        Assert.Equal(1, code);
        Assert.Contains("has 512 positions", Assert.Single(error.Split('\n'), line => line.StartsWith("sinter: ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Without_the_library_there_is_one_sentence_and_without_mpirun_it_is_not_looked_for()
    {
        // Files that are no libraries stand before the system's own.
        foreach (string name in (string[])["libmpi.so.40", "libmpi.so.12", "libmpi.so"]) File.WriteAllText(Path.Combine(_folder, name), "no library");
        var hidden = new Dictionary<string, string> { ["LD_LIBRARY_PATH"] = _folder };
        string[] arguments = Arguments("none", "--steps", "1", "--stage", "x");
        (await SinterProcess.Run(arguments, "", hidden)).IsRefusal("There is no stage 'x'");
        hidden["OMPI_COMM_WORLD_SIZE"] = "2";
        (await SinterProcess.Run(arguments, "", hidden)).IsRefusal("mpirun started 2 processes, but there is no libmpi.so.40");
        (await SinterProcess.Run(arguments, "", new Dictionary<string, string> { ["PMI_SIZE"] = "2" })).IsRefusal("an mpirun that is not Open MPI's");
    }

    private static async Task<(int Code, string Output, string Error)> Mpi(string[] arguments)
    {
        var start = new ProcessStartInfo("mpirun") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Repository.Root };
        string[] all = ["-n", "2", "--oversubscribe", "--bind-to", "none", Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", Path.Combine(AppContext.BaseDirectory, "sinter.dll"), .. arguments];
        foreach (string argument in all) start.ArgumentList.Add(argument);
        start.Environment["XDG_CACHE_HOME"] = Path.Combine(AppContext.BaseDirectory, "cache");
        foreach (string name in (string[])["OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"]) start.Environment[name] = "1";
        start.Environment["OMPI_MCA_btl"] = "self,vader";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromMinutes(5))) process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    private JsonElement[] Steps(string run) => [.. File.ReadLines(Path.Combine(_folder, run, "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement).Where(line => line.TryGetProperty("loss", out _))];

    private string[] Arguments(string run, params string[] options) =>
    [
        "train", Path.Combine(Repository.Root, "models", "tiny_trained.sinter"), "--data", s_val, "--validate", s_val, "--tokenizer", Repository.TinyTrained,
        "--out", Path.Combine(_folder, run), .. s_small, .. options,
    ];
}

/// <summary>A test that needs Open MPI's mpirun, which is not on every machine.</summary>
internal sealed class MpiFactAttribute : FactAttribute
{
    public MpiFactAttribute()
    {
        bool isThere = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "mpirun")));
        if (!isThere) Skip = "There is no mpirun: install Open MPI (Debian: openmpi-bin).";
    }
}
