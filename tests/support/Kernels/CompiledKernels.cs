using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Text;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Sinter.Compiler.Operations;
using Sinter.Runtime.Execution;

namespace Sinter.Tests.Kernels;

/// <param name="arguments">In the order of the kernel's parameters: pointers, and counts.</param>
public unsafe delegate void KernelInvocation(ref readonly Step step, in Worker worker, nint* arguments);

/// <summary>Kernels by name, on whatever they run.</summary>
public interface IKernels
{
    /// <param name="arguments">In the order of the kernel's parameters: pointers, and counts.</param>
    void Run(string method, Type lanes, Step step, int workers, params nint[] arguments);
}

/// <summary>Printed kernels, compiled in memory and run by real threads.</summary>
public sealed unsafe class CompiledKernels : IKernels
{
    private readonly Dictionary<string, KernelSource> _sources;
    private readonly Type _type;

    /// <exception cref="InvalidOperationException">The text does not compile; the message shows why, and the line.</exception>
    public CompiledKernels(IReadOnlyCollection<KernelSource> sources)
    {
        _sources = sources.ToDictionary(s => s.Method);
        var text = new StringBuilder("""
            using System;
            using System.Runtime.CompilerServices;
            using Sinter.Runtime.Execution;
            using Sinter.Runtime.Numerics;
            using Sinter.Runtime.Weights;

            public static unsafe class Printed
            {

            """);
        foreach (KernelSource source in sources) text.Append(source.Text).Append('\n').Append(Call(source)).Append('\n');
        text.Append("}\n");
        _type = Compile(text.ToString()).GetType("Printed")!;
    }

    /// <summary>A kernel for callers with a team and scratch memory of their own.</summary>
    /// <param name="lanes">Lanes128, Lanes256 or Lanes512.</param>
    public KernelInvocation Get(string method, Type lanes) =>
        _type.GetMethod(method + "Call")!.MakeGenericMethod(lanes).CreateDelegate<KernelInvocation>();

    /// <summary>Runs a kernel on a team of <paramref name="workers"/> threads, each with scratch memory of its own.</summary>
    /// <param name="lanes">Lanes128, Lanes256 or Lanes512.</param>
    /// <param name="arguments">In the order of the kernel's parameters: pointers, and counts.</param>
    public void Run(string method, Type lanes, Step step, int workers, params nint[] arguments)
    {
        KernelSource source = _sources[method];
        if (arguments.Length != source.Parameters.Count)
            throw new ArgumentException($"{method} takes {source.Parameters.Count} arguments, not {arguments.Length}.");
        KernelInvocation call = Get(method, lanes);
        // Workers may read each other's memory, so it stands one after the other, and behind each is what nobody may write.
        long stride = ((long)source.ScratchBytes + 256 + 63) / 64 * 64;
        byte* scratch = (byte*)NativeMemory.AlignedAlloc((nuint)(stride * workers), 64);
        try
        {
            // What a kernel before has left in the memory must not matter.
            for (int index = 0; index < workers; index++) new Span<byte>(scratch + index * stride, (int)stride).Fill(0xff);
            RunTeam(Get(method, lanes), step, workers, scratch, stride, arguments, method);
            for (int index = 0; index < workers; index++)
            {
                if (new Span<byte>(scratch + index * stride + source.ScratchBytes, 256).ContainsAnyExcept((byte)0xff))
                    throw new InvalidOperationException($"{method} wrote past its {source.ScratchBytes} bytes of scratch.");
            }
        }
        finally
        {
            NativeMemory.AlignedFree(scratch);
        }
    }

    private static void RunTeam(KernelInvocation call, Step step, int workers, byte* scratch, long stride, nint[] arguments, string method)
    {
        var team = new ThreadTeam(workers);
        Exception? failure = null;
        var threads = new Thread[workers];
        for (int index = 0; index < workers; index++)
        {
            int own = index;
            threads[index] = new Thread(() =>
            {
                try
                {
                    var worker = new Worker(own, workers, scratch + own * stride, stride, team);
                    fixed (nint* list = arguments) call(in step, in worker, list);
                }
                catch (Exception e)
                {
                    failure = e;
                }
            });
            threads[index].Start();
        }

        foreach (Thread thread in threads) thread.Join();
        if (failure is not null) throw new InvalidOperationException($"{method} failed: {failure.Message}", failure);
    }

    /// <summary>A method that takes the arguments as a list, for one delegate type for all kernels.</summary>
    private static string Call(KernelSource source)
    {
        IEnumerable<string> arguments = source.Parameters.Select((p, i) => p.Kind switch
        {
            ParameterKind.Floats => $"(float*)a[{i}]",
            ParameterKind.Integers => $"(int*)a[{i}]",
            ParameterKind.Count => $"(int)a[{i}]",
            ParameterKind.Weight => $"(StoredWeight*)a[{i}]",
            ParameterKind.Cache => $"(CacheView*)a[{i}]",
            _ => $"(ExpertGroups*)a[{i}]",
        });
        return $"""
            public static void {source.Method}Call<V>(ref readonly Step step, in Worker worker, nint* a)
                where V : struct, ILanes<V> => {source.Method}<V>(in step, in worker, {string.Join(", ", arguments)});
            """;
    }

    private static Assembly Compile(string text)
    {
        var parse = new CSharpParseOptions(LanguageVersion.Latest);
        SyntaxTree tree = CSharpSyntaxTree.ParseText(text, parse);
        string platform = (string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!;
        IEnumerable<string> files = platform.Split(Path.PathSeparator).Append(typeof(Step).Assembly.Location).Distinct();
        var compilation = CSharpCompilation.Create(
            "Printed" + Guid.NewGuid().ToString("N"),
            [tree],
            files.Select(file => MetadataReference.CreateFromFile(file)),
            new CSharpCompilationOptions(
                OutputKind.DynamicallyLinkedLibrary,
                allowUnsafe: true,
                optimizationLevel: OptimizationLevel.Release,
                nullableContextOptions: NullableContextOptions.Enable,
                generalDiagnosticOption: ReportDiagnostic.Error));
        using var image = new MemoryStream();
        var result = compilation.Emit(image);
        if (!result.Success)
        {
            string[] lines = text.Split('\n');
            IEnumerable<string> errors = result.Diagnostics.Where(d => d.Severity == DiagnosticSeverity.Error).Take(10)
                .Select(d => $"{d}\n    {lines[d.Location.GetLineSpan().StartLinePosition.Line].Trim()}");
            throw new InvalidOperationException(string.Join("\n", errors));
        }

        image.Position = 0;
        return new AssemblyLoadContext("printed", isCollectible: true).LoadFromStream(image);
    }
}
