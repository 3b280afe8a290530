using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Kernels.Device;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Emit;

/// <summary>Prints a model's kernels for devices, and how each is loaded and launched.</summary>
public static class DeviceKernelsEmitter
{
    private static readonly string[] s_usings =
    [
        "System", "ILGPU", "ILGPU.Algorithms", "ILGPU.Runtime", "Sinter.Devices", "Sinter.Devices.Cuda.Instructions", "Sinter.Devices.Cuda.Kernels", "Sinter.Runtime.Execution", "Sinter.Runtime.Weights",
    ];

    /// <summary>In the order in which a launcher takes their kernels.</summary>
    private static readonly string[] s_formats = ["F32", "BF16", "F16", "E4M3"];

    /// <param name="name">The model's.</param>
    /// <param name="kernels">By the name of the method that launches them.</param>
    public static string Emit(string name, IReadOnlyList<KeyValuePair<string, DeviceScheduled>> kernels, string @namespace)
    {
        var writer = new SourceWriter();
        ModelEmitter.Header(writer, $"The kernels of {name} for devices, one for each distinct shape.", s_usings, @namespace);
        using (writer.Block($"internal static class {name}DeviceKernels"))
        {
            bool isFirst = true;
            HashSet<TensorShape> printed = [];
            foreach (DeviceKernel kernel in kernels.SelectMany(pair => pair.Value.Kernels))
            {
                if (!isFirst) writer.Line();
                isFirst = false;
                writer.Lines(DeviceKernelPrinter.Print(kernel.Kernel, kernel.GroupSize));
                if (kernel.Tensor is null || !printed.Add(kernel.Tensor.Shape)) continue;
                writer.Line();
                writer.Lines(DeviceKernelPrinter.Print(kernel.Tensor.Shape));
            }
        }

        writer.Line();
        writer.Line("/// <summary>Launches the kernels: which of several for the step's size, and how many groups of threads.</summary>");
        using (writer.Block($"internal sealed class {name}Launches(DeviceLauncher launcher)"))
        {
            bool isFirst = true;
            foreach (KeyValuePair<string, DeviceScheduled> kernel in kernels)
            {
                if (!isFirst) writer.Line();
                isFirst = false;
                Launch(writer, $"{name}DeviceKernels", kernel.Key, kernel.Value);
            }
        }

        return writer.ToString();
    }

    private static void Launch(SourceWriter writer, string kernels, string method, DeviceScheduled scheduled)
    {
        string types = string.Join(", ", scheduled.Parameters.Select(parameter => Type(parameter.Kind)));
        string action = $"Action<AcceleratorStream, KernelConfig, DeviceStep, {types}>";
        KernelParameter? weight = scheduled.Parameters.FirstOrDefault(parameter => parameter.Kind == ParameterKind.Weight);
        bool HasFormats(DeviceKernel kernel) => weight is not null && kernel.Tensor is null;
        foreach (DeviceKernel kernel in scheduled.Kernels)
            writer.Line($"private readonly {action}?[] {Field(kernel)} = new {action}?[{(HasFormats(kernel) ? s_formats.Length : 1)}];");
        string parameters = string.Join(", ", scheduled.Parameters.Select(parameter => $"{Type(parameter.Kind)} {parameter.Name}"));
        string arguments = string.Join(", ", scheduled.Parameters.Select(parameter => parameter.Name));
        writer.Line();
        using SourceWriter.Scope body = writer.Block($"public void {method}(in DeviceStep step, {parameters})");
        // Where no rows are wanted there is nothing to launch.
        if (scheduled.Parameters.FirstOrDefault(parameter => parameter.Kind == ParameterKind.Count) is { } count) writer.Line($"if ({count.Name} == 0) return;");
        foreach (DeviceKernel kernel in scheduled.Kernels)
        {
            string launch = $"{Field(kernel)}[{(HasFormats(kernel) ? $"(int){weight!.Name}.Format" : "0")}]";
            void Write()
            {
                string method = $"{kernels}.{kernel.Kernel.Entry.Name}";
                string loaded = HasFormats(kernel)
                    ? $"{weight!.Name}.Format, {string.Join(", ", s_formats.Select(format => $"{method}<Device{format}>"))}"
                    : method;
                writer.Line($"{launch} ??= launcher.Load<{action}>({loaded});");
                string grid = string.Join(", ", new[] { kernel.X, kernel.Y, kernel.Z }.Select(DeviceExpressions.Print));
                writer.Line($"{launch}!(launcher.Stream, launcher.Groups({grid}, {kernel.GroupSize}), step, {arguments});");
                if (kernel.When is not null) writer.Line("return;");
            }

            if (kernel.When is null)
            {
                Write();
                continue;
            }

            string onTensorCores = kernel.Tensor is null ? "" : string.Concat(
                "launcher.HasTensorCores && ",
                string.Concat(scheduled.Parameters.Where(parameter => parameter.Kind == ParameterKind.Weight).Select(parameter => $"{Takes(kernel.Tensor, parameter.Name)} && ")));
            using SourceWriter.Scope some = writer.Block($"if ({onTensorCores}{DeviceExpressions.Print(kernel.When)})");
            Write();
        }
    }

    /// <summary>Whether a weight is of a kernel's type.</summary>
    private static string Takes(TensorKernel kernel, string weight) => kernel.Format == TensorWeights.BF16
        ? $"{weight}.Format == WeightFormat.BF16"
        : $"{weight}.IsOrdinary && {weight}.Columns == {kernel.StoredColumns}";

    private static string Field(DeviceKernel kernel) => "_" + char.ToLowerInvariant(kernel.Kernel.Entry.Name[0]) + kernel.Kernel.Entry.Name.Substring(1);

    private static string Type(ParameterKind kind) => kind switch
    {
        ParameterKind.Floats => "ArrayView<float>",
        ParameterKind.Integers => "ArrayView<int>",
        ParameterKind.Count => "int",
        ParameterKind.Weight => "DeviceWeight",
        ParameterKind.Cache => "DeviceCache",
        _ => "DeviceGroups",
    };
}
