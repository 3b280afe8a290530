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
            Assert.Equal((kernel.Name, kernel.RoundInstructions), (kernel.Name, kernel.RoundProducts == 0 ? 0 : assembled.RoundInstructions(kernel.Opcodes[0], kernel.RoundProducts)));
            Assert.Equal((kernel.Name, kernel.RoundLoads), (kernel.Name, kernel.RoundLoads == 0 ? 0 : assembled.RoundInstructions(kernel.Opcodes[0], kernel.RoundProducts, "LDSM")));
            Assert.All(kernel.Opcodes, opcode => Assert.True(assembled.Opcodes.GetValueOrDefault(opcode) > 0, $"{kernel.Name} has no {opcode}"));
            Assert.DoesNotContain("STL", assembled.Opcodes.Keys);
            Assert.DoesNotContain("LDL", assembled.Opcodes.Keys);
            Assert.True(assembled.Registers * kernel.Threads <= 65536, $"{kernel.Name}: a block does not fit a multiprocessor's registers");
        }
    }

    [AssemblerFact]
    public void The_table_in_the_documentation_is_what_the_assembler_says() => IsDocumented("kernels", Table());

    /// <summary>Compares a table with the page's, or with SINTER_ACCEPT=1 puts it there.</summary>
    internal static void IsDocumented(string name, string table, string file = "cuda.md")
    {
        var path = PathOf(file);
        var page = File.ReadAllText(path);
        var (begin, after) = ($"<!-- {name}: written by tests/cuda with SINTER_ACCEPT=1 -->\n", $"<!-- end of {name} -->");
        var (start, end) = (page.IndexOf(begin, StringComparison.Ordinal) + begin.Length, page.IndexOf(after, StringComparison.Ordinal));
        if (s_accepts)
        {
            File.WriteAllText(path, page[..start] + table + page[end..]);
            return;
        }

        Assert.Equal(table, page[start..end]);
    }

    /// <summary>Without the assembler, too, the table must be of the kernels as they are printed now.</summary>
    [Fact]
    public void The_table_is_of_the_kernels_as_they_are()
    {
        var page = File.ReadAllText(PathOf("cuda.md"));
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

    /// <summary>A loop of 5 instructions around one of 3 with 2 of its products; of 7 in a round the inner one does six in three rounds.</summary>
    [Fact]
    public void Instructions_of_a_loop_are_counted()
    {
        var read = Assembler.Read("""
                    /*0000*/                   MOV R1, c[0x0][0x28] ;
                    /*0010*/                   HMMA.16816.F32.BF16 R4, R8, R12, R4 ;
                    /*0020*/                   HMMA.16816.F32.BF16 R4, R8, R12, R4 ;
                    /*0030*/                   HMMA.16816.F32.BF16 R4, R8, R12, R4 ;
                    /*0040*/              @P0 BRA 0x20 ;                          /* 0x000017c000006947 */
                    /*0050*/              @!P1 BRA 0x10 ;
                    /*0060*/              @P0 BRA.U.ANY 0x60 ;
                    /*0070*/                   EXIT ;
            """);
        Assert.Equal(5 + (2 * 3), read.RoundInstructions("HMMA", 7));
        Assert.Equal(3 + (2 * 2), read.RoundInstructions("HMMA", 7, "HMMA"));
        Assert.Equal(8, read.Code.Count);
    }

    private static string PathOf(string page) => Path.Combine(Repository.Root, "docs", page);

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
}
