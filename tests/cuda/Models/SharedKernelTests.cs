using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Sinter.Devices;
using Sinter.Devices.Cuda;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Cuda.Tests.Models;

/// <summary>The kernels that belong to no model: their PTX comes with the assembly of devices, and is what they print now.</summary>
public sealed class SharedKernelTests
{
    private static readonly string s_folder = Path.Combine(Repository.Root, "generated", "cuda", "devices");
    private static readonly Type[] s_owners = [.. typeof(Device).Assembly.GetTypes().Where(type => KernelPrinter.KernelsOf(type).Count > 0)];
    private static readonly Lazy<IReadOnlyList<ModelKernel>> s_kernels = new(() => [.. s_owners.SelectMany(ModelKernels.Print)]);

    [Fact]
    public void Their_committed_PTX_is_fresh()
    {
        Assert.Contains(typeof(GreedyKernels), s_owners);
        foreach (Type owner in s_owners)
        {
            string path = Path.Combine(s_folder, owner.Name + ".ptx"), text = PtxLibrary.Join(ModelKernels.Print(owner).Select(kernel => kernel.Text));
            if (Environment.GetEnvironmentVariable("SINTER_ACCEPT") == "1") File.WriteAllText(path, text);
            Assert.True(File.Exists(path) && File.ReadAllText(path) == text, $"{path} is stale: run tests/cuda with SINTER_ACCEPT=1 and commit it");
        }

        Assert.Equal(s_owners.Select(owner => owner.Name + ".ptx").Order(StringComparer.Ordinal), Directory.GetFiles(s_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_assembly_of_devices_has_each_as_a_module_of_its_own()
    {
        PtxLibrary library = PtxLibrary.Of(typeof(Device).Assembly);
        Assert.Equal(s_kernels.Value.Count, library.Count);
        Assert.All(s_kernels.Value, kernel => Assert.Equal(kernel.Text, library.Find(kernel.Name)));
    }

    [AssemblerFact]
    public void The_assembler_finds_no_fault()
    {
        Assert.All(Assembler.Reports([.. s_kernels.Value.Select(kernel => kernel.Anonymous)], KernelPrinter.OldestTarget), report =>
        {
            Assert.Empty(report.Warnings);
            Assert.Equal((0, 0), (report.SpillBytes, report.StackBytes));
        });
    }

    /// <summary>Reports of kernels that were assembled together are those of each alone.</summary>
    [AssemblerFact]
    public void Kernels_assembled_together_are_told_apart()
    {
        string[] texts = [.. s_kernels.Value.Select(kernel => kernel.Anonymous)];
        Assert.Equal(
            texts.Select(text => Assembler.Assemble(text, KernelPrinter.OldestTarget)).Select(alone => (alone.Registers, alone.SharedBytes)),
            Assembler.Reports(texts, KernelPrinter.OldestTarget).Select(report => (report.Registers, report.SharedBytes)));
    }
}
