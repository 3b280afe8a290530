using System.Collections.Generic;
using System.Linq;
using System.Text;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Emit;

/// <summary>Prints a region: its buffers, and for each of its layers the calls with a barrier between stages.</summary>
internal static class RegionEmitter
{
    public static string Method(LoweredRegion region, string order)
    {
        var name = new StringBuilder();
        bool upper = true;
        foreach (char c in region.Name)
        {
            if (char.IsLetterOrDigit(c)) name.Append(upper ? char.ToUpperInvariant(c) : c);
            else if (name.Length > 0 && char.IsDigit(name[name.Length - 1])) name.Append("To");
            upper = !char.IsLetterOrDigit(c);
        }

        return name.ToString().Replace("ToTo", "To") + order;
    }

    public static void Emit(SourceWriter writer, CompiledProgram program, LoweredRegion region, string order, EquatableArray<int> offsets)
    {
        int stages = region.Calls.Select(call => call.Stage).Distinct().Count();
        writer.Line();
        writer.Line($"/// <summary>{region.Name}: {region.Calls.Count} kernels in {stages} stages{(region.IsRepeated ? " a layer" : "")}.</summary>");
        using (writer.Block($"private static void {Method(region, order)}<V>(ref readonly Pass pass, in Worker worker) where V : struct, ILanes<V>"))
        {
            writer.Line("ref readonly Step step = ref pass.Step;");
            BufferNames names = new(region.Buffers.Select(buffer => buffer.Name));
            for (int i = 0; i < region.Buffers.Count; i++)
            {
                if (IsUsed(region, i)) writer.Line($"{(region.Buffers[i].IsIndex ? "int" : "float")}* {names[i]} = {Place(region.Buffers[i], offsets[i])};{Comment(region.Buffers[i])}");
            }

            for (int i = 0; i < region.Groups.Count; i++)
            {
                GroupSpecification groups = region.Groups[i];
                writer.Line($"var groups{i} = new ExpertGroups {{ Offsets = {names[groups.Offsets]}, Pairs = {names[groups.Pairs]}, Rank = {names[groups.Rank]}, Experts = {groups.Experts}, Chosen = {groups.Chosen} }};");
            }

            if (!region.IsRepeated)
            {
                Calls(writer, program, region, names);
                return;
            }

            using (writer.Block($"for (int layer = {region.FirstLayer}; layer < {region.EndLayer}; layer++)"))
            {
                if (region.Calls.Any(call => call.Arguments.OfType<CacheArgument>().Any())) writer.Line($"CacheView* caches = pass.Caches + layer * {program.Model.Caches.Count};");
                Calls(writer, program, region, names);
            }
        }
    }

    private static void Calls(SourceWriter writer, CompiledProgram program, LoweredRegion region, BufferNames names)
    {
        int stage = 0;
        string barrier = program.IsTimed ? "pass.Clock!.Wait(in worker);" : "worker.Barrier();";
        foreach (Call call in region.Calls)
        {
            if (call.Stage != stage) writer.Line(barrier);
            stage = call.Stage;
            IEnumerable<string> arguments = call.Arguments.Select(argument => Text(program, region, names, argument));
            KernelSource kernel = program.Kernels[call.Operation];
            if (program.IsTimed) writer.Line("pass.Clock!.Start(in worker);");
            writer.Line($"{program.Model.Name}Kernels.{kernel.Method}<V>(in step, in worker, {string.Join(", ", arguments)});");
            if (program.IsTimed) writer.Line($"pass.Clock.Stop(in worker, {program.Kernels.Kernels.ToList().IndexOf(kernel)});");
            foreach (TracedBuffer trace in call.Traces)
            {
                BufferSpecification buffer = region.Buffers[trace.Buffer];
                writer.Line($"if (pass.Trace is not null) Show(in pass, in worker, {Literal.Text(trace.Name)}, {(region.IsRepeated ? "layer" : "-1")}, {names[trace.Buffer]}, {buffer.Width});");
            }
        }

        // The next round, or the next region, may start on buffers that a slower worker still reads.
        writer.Line(barrier);
    }

    private static string Text(CompiledProgram program, LoweredRegion region, BufferNames names, CallArgument argument) => argument switch
    {
        BufferArgument buffer => names[buffer.Buffer],
        WeightArgument weight => Weight(program.Slots.Find(weight.Tensor, region), region),
        CacheArgument cache => $"caches + {IndexOf(program.Model, cache.Cache)} /* {cache.Cache} */",
        RotaryArgument rotary => $"pass.Rotaries[{program.Rotaries.ToList().IndexOf(rotary.Table)}]",
        LogitRowsArgument => "pass.LogitRows",
        LogitRowCountArgument => "pass.LogitRowCount",
        GroupsArgument groups => $"&groups{groups.Groups}",
        _ => argument.ToString(),
    };

    private static string Weight(WeightSlot slot, LoweredRegion region) => $"pass.Weights + {Slot(slot, region)}";

    /// <summary>The place of a tensor of the layer at hand in the weight table: of an expert's the first one's.</summary>
    public static string Slot(WeightSlot slot, LoweredRegion region)
    {
        string name = slot.Tensor.Name.Replace("model.layers.{layer}.", "").Replace("{expert}.", "");
        string layer = slot.Layers > 1 ? $" + (layer - {region.FirstLayer})" : "";
        string experts = slot.Layers > 1 && slot.Tensor.Experts > 0 ? $" * {slot.Tensor.Experts}" : "";
        return $"{slot.Slot}{layer}{experts} /* {name} */";
    }

    public static int IndexOf(ModelGraph model, string cache) => model.Caches.Select(item => item.Name).ToList().IndexOf(cache);

    public static bool IsUsed(LoweredRegion region, int buffer) =>
        region.Calls.Any(call => call.Reads.Contains(buffer) || call.Writes.Contains(buffer));

    private static string Place(BufferSpecification buffer, int offset)
    {
        string place = buffer.Home switch
        {
            BufferHome.TokenIds => "step.TokenIds",
            BufferHome.NextIds => "step.NextIds",
            BufferHome.Hidden => "pass.Hidden",
            BufferHome.Logits => "pass.Logits",
            _ => $"{(buffer.Rows == BufferRows.Once ? "Fixed" : buffer.Rows.ToString())}(in pass, {offset})",
        };
        return buffer.IsIndex && buffer.Home == BufferHome.Plan ? "(int*)" + place : place;
    }

    public static string Comment(BufferSpecification buffer) => buffer.Home is BufferHome.TokenIds or BufferHome.NextIds
        ? ""
        : $" // [{buffer.Rows.ToString().ToLowerInvariant()}, {buffer.Width}]";
}
