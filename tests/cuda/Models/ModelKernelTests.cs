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

    // Three blocks of 128 threads have a multiprocessor's registers; Hopper's are one.
    private const int MostOnTensorCores = 168;

    // Of an H100's block.
    private const int MostShared = 227 * 1024;

    // Where a kernel is not for an architecture.
    private const string None = "-";

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
        Dictionary<(string Target, string Kernel), Assembled> reports = [];
        foreach (string target in s_targets)
        {
            List<ModelKernel> own = [.. kernels.Where(kernel => IsFor(kernel, target))];
            foreach ((ModelKernel kernel, Assembled report) in own.Zip(Assembler.Reports([.. own.Select(kernel => kernel.Anonymous)], target))) reports.Add((target, kernel.Name), report);
        }

        var table = new StringBuilder(Head());
        foreach (ModelKernel kernel in kernels)
        {
            foreach (string target in s_targets.Where(target => IsFor(kernel, target)))
            {
                Assembled report = reports[(target, kernel.Name)];
                string name = $"{kernel.Name} for {target}";
                Assert.True(report.Warnings.Count == 0, $"{name}: {string.Join("\n", report.Warnings)}");
                Assert.Equal((name, 0, 0), (name, report.SpillBytes, report.StackBytes));
                Assert.True(report.Registers * kernel.Threads <= 65536, $"{name}: a block does not fit a multiprocessor's registers");
                Assert.True(
                    report.Registers <= MostOnTensorCores || kernel.Target != KernelPrinter.OldestTarget || !kernel.Name.Contains("Tensor", StringComparison.Ordinal),
                    $"{name}: {report.Registers} registers");
                Assert.True(report.SharedBytes <= 48 * 1024, $"{name}: {report.SharedBytes} bytes of shared memory, more than a block has without asking");
                // Memory that is asked for begins at a multiple of 1,024.
                Assert.True(report.SharedBytes + 1024 + kernel.AskedBytes <= MostShared, $"{name}: {report.SharedBytes} and {kernel.AskedBytes} bytes of shared memory");
            }

            string Registers(string target) => IsFor(kernel, target) ? reports[(target, kernel.Name)].Registers.ToString(CultureInfo.InvariantCulture) : None;
            table.Append(Row(kernel, reports[(s_targets.First(target => IsFor(kernel, target)), kernel.Name)].SharedBytes + kernel.AskedBytes, Registers(s_targets[0]), Registers(s_targets[1])));
        }

        string path = Path.Combine(s_folder, model + ".txt");
        if (s_accepts) File.WriteAllText(path, table.ToString());
        Assert.Equal(File.ReadAllText(path), table.ToString());
    }

    /// <summary>A round of 64 in depth: four products, in whose registers the sums stay, and less to issue than the products take.</summary>
    [AssemblerTheory]
    [InlineData("_BF16_Hopper", 1, 300)]
    [InlineData("_E4M3_Hopper", 2, 500)]
    public void Hoppers_products_keep_their_sums_where_they_are(string suffix, int pieces, int mostIssued)
    {
        ModelKernel kernel = ModelKernels.Of(Committed).Single(kernel => kernel.Name == "DownProj_256x384Tensor" + suffix);
        Assembled assembled = Assembler.Assemble(kernel.Text, kernel.Target);
        Assert.Equal(4 * pieces, assembled.Opcodes["HGMMA"]);
        Assert.InRange(assembled.RoundInstructions("HGMMA", 4 * pieces), 100, mostIssued * pieces);
        // There are 128 sums.
        Assert.InRange(assembled.RoundInstructions("HGMMA", 4 * pieces, "MOV"), 0, 32);
    }

    [Fact]
    public void The_summary_in_the_documentation_is_that_of_the_tables()
    {
        var summary = new StringBuilder("| model | kernels | most registers, sm_80 | most registers, sm_90a | most shared memory | spills |\n|---|---|---|---|---|---|\n");
        foreach (string model in ModelKernels.Models.Keys)
        {
            List<string[]> rows = [.. Rows(model)];
            int Most(int column) => rows.Where(row => row[column] != None).Max(row => int.Parse(row[column], CultureInfo.InvariantCulture));
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

    /// <summary>Text for the oldest architecture is for all, text for Hopper for it alone.</summary>
    private static bool IsFor(ModelKernel kernel, string target) => kernel.Target == target || kernel.Target == KernelPrinter.OldestTarget;

    private static string Head() => "kernel\tthreads\tshared bytes\tregisters sm_80\tregisters sm_90a\tPTX\n";

    private static string Row(ModelKernel kernel, int shared, string registers80, string registers90) =>
        string.Create(CultureInfo.InvariantCulture, $"{kernel.Name}\t{kernel.Threads}\t{shared}\t{registers80}\t{registers90}\t{Assembler.Hash(kernel.Anonymous)}\n");

    /// <summary>The kernels that read weights of a format in a file of their own, and those that read none; Hopper's apart, since a file has one target.</summary>
    private static IEnumerable<(string Name, string Text)> Files(IReadOnlyList<ModelKernel> kernels)
    {
        string[] formats = ["F32", "BF16", "F16", "E4M3"];
        string? FormatOf(ModelKernel kernel) => Array.Find(formats, format => kernel.Name.Contains("_" + format, StringComparison.Ordinal));
        return kernels.GroupBy(kernel => (Format: FormatOf(kernel), kernel.Target)).Select(same =>
            ($"{Committed}{(same.Key.Format is null ? "" : "." + same.Key.Format)}{(same.Key.Target == KernelPrinter.OldestTarget ? "" : "." + same.Key.Target)}.ptx",
            PtxLibrary.Join(same.OrderBy(kernel => kernel.Name, StringComparer.Ordinal).Select(kernel => kernel.Text))));
    }
}
