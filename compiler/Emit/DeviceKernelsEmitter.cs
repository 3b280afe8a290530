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
        List<string> weights = [.. scheduled.Parameters.Where(parameter => parameter.Kind == ParameterKind.Weight).Select(parameter => parameter.Name)];
        string Versions(DeviceKernel kernel) => kernel.Tensor?.Tiles is not null ? "TensorLoop.All.Count" : weights.Count > 0 && kernel.Tensor is null ? $"{s_formats.Length}" : "1";
        foreach (DeviceKernel kernel in scheduled.Kernels)
            writer.Line($"private readonly {action}?[] {Field(kernel)} = new {action}?[{Versions(kernel)}];");
        string parameters = string.Join(", ", scheduled.Parameters.Select(parameter => $"{Type(parameter.Kind)} {parameter.Name}"));
        string arguments = string.Join(", ", scheduled.Parameters.Select(parameter => parameter.Name));
        writer.Line();
        using SourceWriter.Scope body = writer.Block($"public void {method}(in DeviceStep step, {parameters})");
        // Where no rows are wanted there is nothing to launch.
        if (scheduled.Parameters.FirstOrDefault(parameter => parameter.Kind == ParameterKind.Count) is { } count) writer.Line($"if ({count.Name} == 0) return;");
        foreach (DeviceKernel kernel in scheduled.Kernels)
        {
            string entry = $"{kernels}.{kernel.Kernel.Entry.Name}";
            void Write(string version, string loaded, string groups)
            {
                writer.Line($"{Field(kernel)}[{version}] ??= launcher.Load<{action}>({loaded});");
                writer.Line($"{Field(kernel)}[{version}]!(launcher.Stream, launcher.Groups({groups}), step, {arguments});");
                if (kernel.When is not null) writer.Line("return;");
            }

            void WriteFixed()
            {
                string grid = string.Join(", ", new[] { kernel.X, kernel.Y, kernel.Z }.Select(DeviceExpressions.Print));
                bool hasFormats = weights.Count > 0 && kernel.Tensor is null;
                string loaded = hasFormats ? $"{weights[0]}.Format, {string.Join(", ", s_formats.Select(format => $"{entry}<Device{format}>"))}" : entry;
                Write(hasFormats ? $"(int){weights[0]}.Format" : "0", loaded, $"{grid}, {kernel.GroupSize}");
            }

            if (kernel.When is null)
            {
                WriteFixed();
                continue;
            }

            string when = DeviceExpressions.Print(kernel.When);
            if (kernel.Tensor?.Tiles is { } tiles)
            {
                var product = (TensorProduct)kernel.Tensor.Shape;
                string size = $"new ProductSize({product.Columns}, {product.Products}, {tiles.Batch}, {tiles.ScaledColumns})";
                string chosen = $"launcher.Tiles({size}, {DeviceExpressions.Print(tiles.Rows)}, {DeviceExpressions.Print(tiles.Experts)}, {weights[0]}, {weights[weights.Count - 1]})";
                using SourceWriter.Scope many = writer.Block($"if ({when} && {chosen} is {{ }} tiles)");
                Write("tiles.Loop.Index", $"tiles.Loop, {entry}<TensorProduct>", "tiles");
                continue;
            }

            using SourceWriter.Scope some = writer.Block($"if ({(kernel.Tensor is null ? "" : "launcher.HasTensorCores && ")}{when})");
            WriteFixed();
        }
    }

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
