using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using Sinter.Devices.Cuda;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Cuda.Tests.Models;

/// <summary>
/// Every kernel for devices of every model as PTX: the committed texts and tables are of the kernels as they are now, and
/// NVIDIA's assembler makes of them what the tables say, without spills, local memory or warnings.
/// </summary>
public sealed class ModelKernelTests
{
    /// <summary>Its PTX is committed, since the command comes with this model; of the others there is a table.</summary>
    private const string Committed = "TinyTrained";

    // Three blocks of 128 threads have a multiprocessor's registers.
    private const int MostOnTensorCores = 168;

    private static readonly string s_folder = Path.Combine(Repository.Root, "generated", "cuda", "models");
    private static readonly bool s_accepts = Environment.GetEnvironmentVariable("SINTER_ACCEPT") == "1";
    private static readonly string[] s_targets = ["sm_80", "sm_90a"];

    public static TheoryData<string> Models => [.. ModelKernels.Models.Keys];

    [Fact]
    public void The_committed_PTX_of_the_trained_model_is_fresh()
    {
        foreach ((string name, string text) in Files(ModelKernels.Of(Committed)))
        {
            string path = Path.Combine(s_folder, name);
            if (s_accepts) File.WriteAllText(path, text);
            Assert.True(File.Exists(path) && File.ReadAllText(path) == text, $"{path} is stale: run tests/cuda with SINTER_ACCEPT=1 and commit it");
        }

        Assert.Equal(
            Files(ModelKernels.Of(Committed)).Select(file => file.Name).Concat(ModelKernels.Models.Keys.Select(model => model + ".txt")).Order(StringComparer.Ordinal),
            Directory.GetFiles(s_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    /// <summary>What a session loads is what the assembler was given.</summary>
    [Fact]
    public void The_models_assembly_has_each_kernel_as_a_module_of_its_own()
    {
        PtxLibrary library = PtxLibrary.Of(typeof(Sinter.Models.Devices.TinyTrainedDeviceProgram).Assembly);
        Assert.Equal(ModelKernels.Of(Committed).Count, library.Count);
        Assert.All(ModelKernels.Of(Committed), kernel => Assert.Equal(kernel.Text, library.Find(kernel.Name)));
        Assert.Null(library.Find("Nothing"));
    }

    [Fact]
    public void The_table_of_the_trained_model_is_of_its_kernels_as_they_are() => HashesAreCurrent(Committed);

    [Theory]
    [Trait("Category", "Slow")]
    [MemberData(nameof(Models))]
    public void The_table_is_of_the_kernels_as_they_are(string model) => HashesAreCurrent(model);

    [AssemblerTheory]
    [Trait("Category", "Slow")]
    [MemberData(nameof(Models))]
    public void The_assembler_finds_no_fault_and_says_what_the_table_says(string model)
    {
        IReadOnlyList<ModelKernel> kernels = ModelKernels.Of(model);
        IReadOnlyList<Assembled>[] reports = [.. s_targets.Select(target => Assembler.Reports([.. kernels.Select(kernel => kernel.Anonymous)], target))];
        var table = new StringBuilder(Head());
        for (int i = 0; i < kernels.Count; i++)
        {
            ModelKernel kernel = kernels[i];
            for (int target = 0; target < s_targets.Length; target++)
            {
                Assembled report = reports[target][i];
                string name = $"{kernel.Name} for {s_targets[target]}";
                Assert.True(report.Warnings.Count == 0, $"{name}: {string.Join("\n", report.Warnings)}");
                Assert.Equal((name, 0, 0), (name, report.SpillBytes, report.StackBytes));
                Assert.True(report.Registers * kernel.Threads <= 65536, $"{name}: a block does not fit a multiprocessor's registers");
                Assert.True(report.Registers <= MostOnTensorCores || !kernel.Name.Contains("Tensor", StringComparison.Ordinal), $"{name}: {report.Registers} registers");
                Assert.True(report.SharedBytes <= 48 * 1024, $"{name}: {report.SharedBytes} bytes of shared memory, more than a block has without asking");
            }

            table.Append(Row(kernel, reports[0][i].SharedBytes, reports[0][i].Registers, reports[1][i].Registers));
        }

        string path = Path.Combine(s_folder, model + ".txt");
        if (s_accepts) File.WriteAllText(path, table.ToString());
        Assert.Equal(File.ReadAllText(path), table.ToString());
    }

    [Fact]
    public void The_summary_in_the_documentation_is_that_of_the_tables()
    {
        var summary = new StringBuilder("| model | kernels | most registers, sm_80 | most registers, sm_90a | most shared memory | spills |\n|---|---|---|---|---|---|\n");
        foreach (string model in ModelKernels.Models.Keys)
        {
            List<string[]> rows = [.. Rows(model)];
            int Most(int column) => rows.Max(row => int.Parse(row[column], CultureInfo.InvariantCulture));
            summary.Append(CultureInfo.InvariantCulture, $"| {model} | {rows.Count} | {Most(3)} | {Most(4)} | {Most(2) / 1024.0:0.#} KB | 0 |\n");
        }

        AssembledTests.IsDocumented("models", summary.ToString(), "gpu.md");
    }

    private static void HashesAreCurrent(string model)
    {
        Assert.Equal(
            ModelKernels.Of(model).Select(kernel => (kernel.Name, kernel.Threads.ToString(CultureInfo.InvariantCulture), Assembler.Hash(kernel.Anonymous))),
            Rows(model).Select(row => (row[0], row[1], row[5])));
    }

    private static IEnumerable<string[]> Rows(string model) => File.ReadLines(Path.Combine(s_folder, model + ".txt")).Skip(1).Select(line => line.Split('\t'));

    private static string Head() => "kernel\tthreads\tshared bytes\tregisters sm_80\tregisters sm_90a\tPTX\n";

    private static string Row(ModelKernel kernel, int shared, int registers80, int registers90) =>
        string.Create(CultureInfo.InvariantCulture, $"{kernel.Name}\t{kernel.Threads}\t{shared}\t{registers80}\t{registers90}\t{Assembler.Hash(kernel.Anonymous)}\n");

    /// <summary>The kernels that read weights of a format in a file of their own, and those that read none.</summary>
    private static IEnumerable<(string Name, string Text)> Files(IReadOnlyList<ModelKernel> kernels)
    {
        string[] formats = ["F32", "BF16", "F16", "E4M3"];
        string? FormatOf(ModelKernel kernel) => Array.Find(formats, format => kernel.Name.EndsWith("_" + format, StringComparison.Ordinal));
        return kernels.GroupBy(FormatOf).Select(same =>
            ($"{Committed}{(same.Key is null ? "" : "." + same.Key)}.ptx", PtxLibrary.Join(same.OrderBy(kernel => kernel.Name, StringComparer.Ordinal).Select(kernel => kernel.Text))));
    }
}
