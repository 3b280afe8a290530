using System.Linq;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Emit;

/// <summary>Prints the class that holds a model's kernels.</summary>
public static class KernelsEmitter
{
    private static readonly string[] s_usings =
    [
        "System", "System.Runtime.CompilerServices", "Sinter.Runtime.Execution", "Sinter.Runtime.Numerics", "Sinter.Runtime.Weights",
    ];

    public static string Emit(CompiledProgram program, string @namespace)
    {
        var writer = new SourceWriter();
        ModelEmitter.Header(writer, $"The kernels of {program.Model.Name}, one for each distinct shape.", s_usings, @namespace);
        using (writer.Block($"internal static unsafe class {program.Model.Name}Kernels"))
        {
            bool isFirst = true;
            foreach (KernelSource kernel in program.Kernels.Kernels)
            {
                if (!isFirst) writer.Line();
                isFirst = false;
                writer.Lines(kernel.Text);
            }
        }

        return writer.ToString();
    }
}
