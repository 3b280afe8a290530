using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using Sinter.Devices.Cuda;
using Sinter.Tests.Data;
using Xunit;

namespace Sinter.Cuda.Tests;

/// <summary>What NVIDIA's assembler makes of a kernel.</summary>
/// <param name="Registers">Of a thread.</param>
/// <param name="SpillBytes">Stored to and loaded from local memory for want of registers.</param>
/// <param name="StackBytes">Local memory that the kernel asked for.</param>
/// <param name="SharedBytes">Static shared memory.</param>
/// <param name="Warnings">The assembler's lines that are not information.</param>
/// <param name="Code">Machine instructions: each one's name up to the first dot, and for a branch where it goes.</param>
internal sealed record Assembled(
    int Registers, int SpillBytes, int StackBytes, int SharedBytes, IReadOnlyList<string> Warnings, IReadOnlyList<(int Address, string Name, int? Target)> Code)
{
    /// <summary>How often each machine instruction appears.</summary>
    public IReadOnlyDictionary<string, int> Opcodes { get; } = Code.CountBy(instruction => instruction.Name).ToDictionary();

    /// <summary>
    /// Instructions that a warp issues for one round of its main loop, in which it does so many products. The innermost loop with
    /// products may lie in the main one; it runs as often as the rest of the products takes. With a name, only those of that name.
    /// </summary>
    public int RoundInstructions(string product, int products, string? only = null)
    {
        var loops = Code.Where(branch => branch.Target <= branch.Address).Select(branch => (Start: branch.Target!.Value, End: branch.Address)).ToList();
        int Count((int Start, int End) loop, string? name = null)
            => Code.Count(instruction => instruction.Address >= loop.Start && instruction.Address <= loop.End && (name is null || instruction.Name == name));
        var inner = loops.Where(loop => Count(loop, product) > 0).MinBy(loop => loop.End - loop.Start);
        var outer = loops.Where(loop => loop.Start < inner.Start && loop.End > inner.End).OrderBy(loop => loop.End - loop.Start).FirstOrDefault(inner);
        var rounds = outer == inner ? 1 : (products - Count(outer, product) + Count(inner, product)) / Count(inner, product);
        return Count(outer, only) + ((rounds - 1) * Count(inner, only));
    }
}

/// <summary>ptxas and cuobjdump, where tools/cuda/get-ptxas.sh has put them. Results are kept by the text's hash.</summary>
internal static partial class Assembler
{
    /// <summary>Kernels of a run.</summary>
    private const int Together = 24;

    private static readonly string s_tools = Path.Combine(Repository.Root, ".cache", "cuda", "bin");

    public static bool IsThere => File.Exists(Path.Combine(s_tools, "ptxas"));

    /// <summary>The first digits of a text's hash.</summary>
    public static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..12];

    /// <summary>Assembles a text for an architecture.</summary>
    /// <exception cref="InvalidOperationException">The assembler refuses it; the message is the assembler's.</exception>
    public static Assembled Assemble(string text, string target)
    {
        var kept = Path.Combine(Repository.Root, ".cache", "cuda", "assembled", $"{Hash(text)}-{target}.txt");
        if (!File.Exists(kept))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(kept)!);
            File.WriteAllText(kept, Run(text, target));
        }

        return Read(File.ReadAllText(kept));
    }

    /// <summary>The assembler's reports alone, without machine code: for many kernels, some together in a run, which takes a third of the time.</summary>
    /// <param name="texts">Of one kernel each.</param>
    /// <inheritdoc cref="Assemble"/>
    public static IReadOnlyList<Assembled> Reports(IReadOnlyList<string> texts, string target)
    {
        string Kept(string text) => Path.Combine(Repository.Root, ".cache", "cuda", "reports", $"{Hash(text)}-{target}.txt");
        Directory.CreateDirectory(Path.Combine(Repository.Root, ".cache", "cuda", "reports"));
        // What stands before the entry holds for all of a run: the target, memory that is asked for.
        var missing = texts.Distinct().Where(text => !File.Exists(Kept(text))).GroupBy(text => text[..Entry().Match(text).Index]).SelectMany(same => same.Chunk(Together));
        Parallel.ForEach(missing, new ParallelOptions { MaxDegreeOfParallelism = 2 }, some =>
        {
            foreach (var (text, report) in some.Zip(ReportsOf(some, target)))
            {
                File.WriteAllText(Kept(text), report);
            }
        });
        return [.. texts.Select(text => Read(File.ReadAllText(Kept(text))))];
    }

    private static IEnumerable<string> ReportsOf(string[] texts, string target)
    {
        var joined = PtxLibrary.Join(texts.Select((text, i) => Entry().Replace(text, $".entry k{i}(", 1)));
        var report = Run(joined, target, withCode: false);
        // A warning does not say which kernel it is about.
        if (texts.Length > 1 && Read(report).Warnings.Count > 0)
        {
            return texts.SelectMany(text => ReportsOf([text], target));
        }

        var parts = Compiling().Split(report);
        // Name and report in turn, after what is about all.
        var byName = Enumerable.Range(0, parts.Length / 2).ToDictionary(i => parts[(2 * i) + 1], i => parts[(2 * i) + 2]);
        return texts.Select((_, i) => parts[0] + byName[$"k{i}"]);
    }

    /// <summary>Reads the assembler's report (ptxas -v) followed by the machine code (cuobjdump -sass).</summary>
    public static Assembled Read(string output)
    {
        int Number(string pattern) => Regex.Matches(output, pattern).Sum(match => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture));
        var warnings = output.Split('\n').Where(line => line.StartsWith("ptxas", StringComparison.Ordinal) && !line.StartsWith("ptxas info", StringComparison.Ordinal));
        int Address(Group group) => int.Parse(group.ValueSpan, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var code = Instruction().Matches(output).Select(match => (
            Address(match.Groups[1]), match.Groups[2].Value, match.Groups[3].Success ? Address(match.Groups[3]) : (int?)null));
        return new Assembled(
            Number(@"Used (\d+) registers"), Number(@"(\d+) bytes spill stores") + Number(@"(\d+) bytes spill loads"), Number(@"(\d+) bytes stack frame"),
            Number(@"(\d+) bytes smem"), [.. warnings], [.. code]);
    }

    private static string Run(string text, string target, bool withCode = true)
    {
        var folder = Directory.CreateTempSubdirectory("sinter-ptxas");
        try
        {
            var (source, binary) = (Path.Combine(folder.FullName, "kernel.ptx"), Path.Combine(folder.FullName, "kernel.cubin"));
            File.WriteAllText(source, text);
            var report = Start("ptxas", "-v", "-arch", target, "-o", binary, source);
            return withCode ? report + Start("cuobjdump", "-sass", binary) : report;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Start(string tool, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(s_tools, tool), arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        // cuobjdump looks for nvdisasm on the path.
        start.Environment["PATH"] = s_tools + Path.PathSeparator + start.Environment["PATH"];
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output + errors.Result : throw new InvalidOperationException(errors.Result + output);
    }

    [GeneratedRegex(@"\.entry \w+\(")]
    private static partial Regex Entry();

    [GeneratedRegex(@"^ptxas info +: Compiling entry function '(\w+)' for '\w+'\r?\n", RegexOptions.Multiline)]
    private static partial Regex Compiling();

    /// <summary>A line such as «/*0120*/ @!P0 HMMA.16816.F32.BF16 R4, …».</summary>
    [GeneratedRegex(@"^\s+/\*([0-9a-f]{4,})\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9]*)(?:\S*(?<=BRA) 0x([0-9a-f]+))?", RegexOptions.Multiline)]
    private static partial Regex Instruction();
}

/// <summary>A test that is skipped, visibly, where ptxas is not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class AssemblerFactAttribute : FactAttribute
{
    public AssemblerFactAttribute()
    {
        if (!Assembler.IsThere)
        {
            Skip = "ptxas is not in .cache/cuda/bin; tools/cuda/get-ptxas.sh puts it there.";
        }
    }
}

/// <inheritdoc cref="AssemblerFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class AssemblerTheoryAttribute : TheoryAttribute
{
    public AssemblerTheoryAttribute()
    {
        if (!Assembler.IsThere)
        {
            Skip = "ptxas is not in .cache/cuda/bin; tools/cuda/get-ptxas.sh puts it there.";
        }
    }
}
