using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Cuda.Tests;

/// <summary>The committed PTX is what the kernels print, and NVIDIA's assembler makes of it what the table in docs/cuda.md says.</summary>
public sealed class AssembledTests
{
    private static readonly string s_folder = Path.Combine(Repository.Root, "generated", "cuda");
    private static readonly string s_page = Path.Combine(Repository.Root, "docs", "cuda.md");
    private static readonly bool s_accepts = Environment.GetEnvironmentVariable("SINTER_ACCEPT") == "1";

    [Fact]
    public void Committed_kernels_are_fresh()
    {
        Directory.CreateDirectory(s_folder);
        foreach (var kernel in CudaKernel.All)
        {
            var path = Path.Combine(s_folder, kernel.Name + ".ptx");
            if (s_accepts)
            {
                File.WriteAllText(path, Printed.Text(kernel));
            }

            Assert.True(File.Exists(path) && File.ReadAllText(path) == Printed.Text(kernel), $"{path} is stale: run this test with SINTER_ACCEPT=1 and commit it");
        }

        Assert.Equal(
            CudaKernel.All.Select(kernel => kernel.Name + ".ptx").Order(StringComparer.Ordinal),
            Directory.GetFiles(s_folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [AssemblerFact]
    public void Kernels_keep_to_registers_and_use_the_promised_instructions()
    {
        foreach (var kernel in CudaKernel.All)
        {
            var assembled = Assembler.Assemble(Printed.Text(kernel), kernel.Target);
            Assert.Empty(assembled.Warnings);
            Assert.Equal((kernel.Name, 0, 0), (kernel.Name, assembled.SpillBytes, assembled.StackBytes));
            Assert.Equal((kernel.Name, kernel.Registers), (kernel.Name, assembled.Registers));
            Assert.All(kernel.Opcodes, opcode => Assert.True(assembled.Opcodes.GetValueOrDefault(opcode) > 0, $"{kernel.Name} has no {opcode}"));
            Assert.DoesNotContain("STL", assembled.Opcodes.Keys);
            Assert.DoesNotContain("LDL", assembled.Opcodes.Keys);
            Assert.True(assembled.Registers * kernel.Threads <= 65536, $"{kernel.Name}: a block does not fit a multiprocessor's registers");
        }
    }

    [AssemblerFact]
    public void The_table_in_the_documentation_is_what_the_assembler_says() => IsDocumented("kernels", Table());

    [Fact]
    public void The_documented_tiles_are_those_of_the_cost_model() => IsDocumented("tiles", Choices());

    /// <summary>Compares a table with the page's, or with SINTER_ACCEPT=1 puts it there.</summary>
    private static void IsDocumented(string name, string table)
    {
        var page = File.ReadAllText(s_page);
        var (begin, after) = ($"<!-- {name}: written by AssembledTests with SINTER_ACCEPT=1 -->\n", $"<!-- end of {name} -->");
        var (start, end) = (page.IndexOf(begin, StringComparison.Ordinal) + begin.Length, page.IndexOf(after, StringComparison.Ordinal));
        if (s_accepts)
        {
            File.WriteAllText(s_page, page[..start] + table + page[end..]);
            return;
        }

        Assert.Equal(table, page[start..end]);
    }

    /// <summary>Without the assembler, too, the table must be of the kernels as they are printed now.</summary>
    [Fact]
    public void The_table_is_of_the_kernels_as_they_are()
    {
        var page = File.ReadAllText(s_page);
        Assert.All(CudaKernel.All, kernel => Assert.Contains($"| `{kernel.Name}` | {kernel.Target} | {kernel.Threads} | {kernel.Registers} |", page, StringComparison.Ordinal));
        Assert.All(CudaKernel.All, kernel => Assert.Contains(Assembler.Hash(Printed.Text(kernel)), page, StringComparison.Ordinal));
    }

    [AssemblerFact]
    public void The_assemblers_refusal_is_told()
        => Assert.Contains("line 1", Assert.Throws<InvalidOperationException>(() => Assembler.Assemble("nonsense\n", "sm_80")).Message, StringComparison.Ordinal);

    /// <summary>The reader of reports is shown on one with everything in it.</summary>
    [Fact]
    public void Reports_are_read()
    {
        var read = Assembler.Read("""
            ptxas info    : 0 bytes gmem
            ptxas info    : Compiling entry function 'k' for 'sm_80'
            ptxas info    : Function properties for k
                24 bytes stack frame, 16 bytes spill stores, 20 bytes spill loads
            ptxas info    : Used 86 registers, 49152 bytes smem, 400 bytes cmem[0]
            ptxas warning : (C7510) Potential Performance Loss
                    /*0000*/                   MOV R1, c[0x0][0x28] ;    /* 0x00000a0000017a02 */
                    /*0010*/              @!P0 LDGSTS.E.BYPASS.128 [R4], [R6.64] ;   /* 0x */
                    /*0020*/              @UP1 HMMA.16816.F32.BF16 R4, R8, R12, R4 ;
                    /*0030*/                   HMMA.16816.F32.BF16 R4, R8, R12, R4 ;
            """);
        Assert.Equal((86, 36, 24, 49152), (read.Registers, read.SpillBytes, read.StackBytes, read.SharedBytes));
        Assert.Contains("C7510", Assert.Single(read.Warnings), StringComparison.Ordinal);
        Assert.Equal(new Dictionary<string, int> { ["MOV"] = 1, ["LDGSTS"] = 1, ["HMMA"] = 2 }, read.Opcodes);
    }

    private static string Table()
    {
        var text = new StringBuilder("| kernel | target | threads | registers | spills | shared memory | blocks a multiprocessor (H100) | machine instructions | PTX |\n|---|---|---|---|---|---|---|---|---|\n");
        foreach (var kernel in CudaKernel.All)
        {
            var assembled = Assembler.Assemble(Printed.Text(kernel), kernel.Target);
            var opcodes = string.Join(", ", kernel.Opcodes.Select(opcode => $"{assembled.Opcodes.GetValueOrDefault(opcode)} {opcode}"));
            var total = assembled.Opcodes.Values.Sum();
            text.Append(FormattableString.Invariant($"| `{kernel.Name}` | {kernel.Target} | {kernel.Threads} | {assembled.Registers} | {assembled.SpillBytes} | {(kernel.SharedBytes + assembled.SharedBytes) / 1024.0:0.#} KB | {TileCosts.BlocksTogether(kernel, Gpu.H100)} | {total}: {opcodes} | {Assembler.Hash(Printed.Text(kernel))} |\n"));
        }

        return text.ToString();
    }

    /// <summary>DeepSeek-V3's products: the 576 + 1536 columns of latents, the output of attention, and the experts' gate and up.</summary>
    private static string Choices()
    {
        var text = new StringBuilder("| product (columns × depth) | rows | A100, BF16 | 4090, BF16 | 4090, E4M3 | H100, BF16 | H100, E4M3 |\n|---|---|---|---|---|---|---|\n");
        foreach (var (columns, depth, experts, tokens) in new[] { (2112, 7168, 1, 64), (2112, 7168, 1, 4096), (7168, 16384, 1, 64), (7168, 16384, 1, 4096), (4096, 7168, 256, 128), (4096, 7168, 256, 4096) })
        {
            var rows = Enumerable.Repeat(experts == 1 ? tokens : tokens * 8 / experts, experts).ToArray();
            var cells = new[] { (Gpu.A100, false), (Gpu.Rtx4090, false), (Gpu.Rtx4090, true), (Gpu.H100, false), (Gpu.H100, true) }.Select(at =>
            {
                var bytes = depth * (at.Item2 ? 1 : 2);
                var kernel = TileCosts.Choose(at.Item2, at.Item1, rows, columns, bytes);
                return FormattableString.Invariant($"{kernel.TileRows}×{kernel.TileColumns}: {TileCosts.Seconds(kernel, at.Item1, rows, columns, bytes) * 1e6:0} µs");
            });
            var group = experts == 1 ? $"{tokens}" : $"{rows[0]} to each of {experts} experts";
            text.Append(FormattableString.Invariant($"| {columns} × {depth} | {group} | {string.Join(" | ", cells)} |\n"));
        }

        return text.ToString();
    }
}
