using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Emit;

/// <summary>Prints a model's program for devices: the same list of calls as for CPUs, over views of the device's memory.</summary>
internal static class DeviceProgramEmitter
{
    private static readonly string[] s_usings = ["ILGPU", "ILGPU.Runtime", "Sinter.Devices", "Sinter.Runtime.Execution"];

    public static string Emit(CompiledProgram program, string @namespace)
    {
        var writer = new SourceWriter();
        string name = program.Model.Name;
        ModelEmitter.Header(writer, $"The program of {name} for devices.", s_usings, @namespace);
        writer.Line($"/// <summary>The static list of launches of {name}.</summary>");
        using (writer.Block($"public sealed class {name}DeviceProgram : DeviceProgram"))
        {
            writer.Line($"private readonly {name}Launches _kernels;");
            writer.Line();
            using (writer.Block($"public {name}DeviceProgram(DeviceLauncher launcher)")) writer.Line($"_kernels = new {name}Launches(launcher);");
            writer.Line();
            Method(writer, program, "Forward", order => order.Main);
            writer.Line();
            Method(writer, program, "Predict", order => order.Prediction is null ? [] : [order.Prediction]);
            writer.Line();
            Repeatable(writer, program);
            int region = 0;
            foreach (OrderedRegions order in program.Orders)
            {
                foreach (LoweredRegion lowered in order.All)
                    Region(writer, program, lowered, order.Order, program.Plan.Offsets[region++]);
            }
        }

        return writer.ToString();
    }

    private static void Method(SourceWriter writer, CompiledProgram program, string method, System.Func<OrderedRegions, IEnumerable<LoweredRegion>> regions)
    {
        using SourceWriter.Scope body = writer.Block($"public override void {method}(DevicePass pass)");
        OrderedRegions first = program.Orders[0];
        if (!regions(first).Any())
        {
            writer.Line($"throw new System.NotSupportedException(\"{program.Model.Name} has no layer that predicts further tokens.\");");
            return;
        }

        if (program.Orders.Count == 1)
        {
            foreach (LoweredRegion region in regions(first)) writer.Line($"{RegionEmitter.Method(region, first.Order)}(pass);");
            return;
        }

        OrderedRegions second = program.Orders[1];
        using (writer.Block($"if ({Takes(first, second)})"))
        {
            foreach (LoweredRegion region in regions(first)) writer.Line($"{RegionEmitter.Method(region, first.Order)}(pass);");
        }

        using (writer.Block("else"))
        {
            foreach (LoweredRegion region in regions(second)) writer.Line($"{RegionEmitter.Method(region, second.Order)}(pass);");
        }
    }

    /// <summary>Launches over positions grow with them; the first order has none.</summary>
    private static void Repeatable(SourceWriter writer, CompiledProgram program)
    {
        OrderedRegions first = program.Orders[0];
        bool hasPositions = first.All.Any(region => region.Buffers.Any(buffer => buffer.Rows == BufferRows.Positions));
        string condition = hasPositions ? "false" : program.Orders.Count == 1 ? "true" : Takes(first, program.Orders[1]);
        writer.Line($"public override bool IsRepeatable(DevicePass pass) => {condition};");
    }

    /// <summary>Whether a step runs in the first of two orders.</summary>
    private static string Takes(OrderedRegions first, OrderedRegions second)
    {
        static string Cost(OrderedRegions order) => $"new({Literal.Number(order.Cost.PerToken)}, {Literal.Number(order.Cost.PerPosition)}, {Literal.Number(order.Cost.PerPair)})";
        return $"pass.Takes(AttentionOrder.{first.Order}, {Cost(first)}, {Cost(second)})";
    }

    private static void Region(SourceWriter writer, CompiledProgram program, LoweredRegion region, string order, EquatableArray<int> offsets)
    {
        writer.Line();
        writer.Line($"/// <summary>{region.Name}: {region.Calls.Count} launches{(region.IsRepeated ? " a layer" : "")}.</summary>");
        using SourceWriter.Scope method = writer.Block($"private void {RegionEmitter.Method(region, order)}(DevicePass pass)");
        BufferNames names = new(region.Buffers.Select(buffer => buffer.Name));
        for (int i = 0; i < region.Buffers.Count; i++)
        {
            BufferSpecification buffer = region.Buffers[i];
            if (!RegionEmitter.IsUsed(region, i)) continue;
            writer.Line($"ArrayView<{(buffer.IsIndex ? "int" : "float")}> {names[i]} = {Place(buffer, offsets[i])};{RegionEmitter.Comment(buffer)}");
        }

        for (int i = 0; i < region.Groups.Count; i++)
        {
            GroupSpecification groups = region.Groups[i];
            writer.Line($"var groups{i} = new DeviceGroups({names[groups.Offsets]}, {names[groups.Pairs]}, {names[groups.Rank]}, {groups.Experts}, {groups.Chosen});");
        }

        if (!region.IsRepeated)
        {
            Calls(writer, program, region, names);
            return;
        }

        using SourceWriter.Scope loop = writer.Block($"for (int layer = {region.FirstLayer}; layer < {region.EndLayer}; layer++)");
        Calls(writer, program, region, names);
    }

    private static void Calls(SourceWriter writer, CompiledProgram program, LoweredRegion region, BufferNames names)
    {
        foreach (Call call in region.Calls)
        {
            IEnumerable<string> arguments = call.Arguments.Select(argument => Text(program, region, names, argument));
            writer.Line($"_kernels.{program.Kernels[call.Operation].Method}(in pass.Step, {string.Join(", ", arguments)});");
            foreach (TracedBuffer trace in call.Traces)
            {
                writer.Line($"if (pass.Trace is not null) pass.Show({Literal.Text(trace.Name)}, {(region.IsRepeated ? "layer" : "-1")}, {names[trace.Buffer]}, {region.Buffers[trace.Buffer].Width});");
            }
        }
    }

    private static string Text(CompiledProgram program, LoweredRegion region, BufferNames names, CallArgument argument) => argument switch
    {
        BufferArgument buffer => names[buffer.Buffer],
        WeightArgument weight => $"pass.Weights[{RegionEmitter.Slot(program.Slots.Find(weight.Tensor, region), region)}]",
        CacheArgument cache => $"pass.Cache({(region.IsRepeated ? "layer" : "0")}, {RegionEmitter.IndexOf(program.Model, cache.Cache)} /* {cache.Cache} */)",
        RotaryArgument rotary => $"pass.Rotaries[{program.Rotaries.ToList().IndexOf(rotary.Table)}]",
        LogitRowsArgument => "pass.LogitRows",
        LogitRowCountArgument => "pass.LogitRowCount",
        GroupsArgument groups => $"groups{groups.Groups}",
        _ => argument.ToString(),
    };

    private static string Place(BufferSpecification buffer, int offset)
    {
        string place = buffer.Home switch
        {
            BufferHome.TokenIds => "pass.TokenIds",
            BufferHome.NextIds => "pass.NextIds",
            BufferHome.Hidden => "pass.Hidden",
            BufferHome.Logits => "pass.Logits",
            _ => $"pass.{(buffer.Rows == BufferRows.Once ? "Fixed" : buffer.Rows.ToString())}({offset}, {buffer.Width})",
        };
        return buffer.IsIndex && buffer.Home is BufferHome.Plan or BufferHome.Boundary && buffer.IsIndex ? $"{place}.Cast<int>()" : place;
    }
}
