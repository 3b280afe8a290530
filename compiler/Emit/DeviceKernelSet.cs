using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Kernels.Device;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Emit;

/// <summary>The kernels of a model for devices: the same distinct operations, under the same names, as for CPUs.</summary>
internal static class DeviceKernelSet
{
    /// <summary>In the order in which they first run.</summary>
    public static List<KeyValuePair<string, DeviceScheduled>> Of(CompiledProgram program)
    {
        List<LoweredRegion> regions = [.. program.Orders.SelectMany(order => order.All)];
        IEnumerable<Operation> operations = regions.SelectMany(region => region.Calls).Select(call => call.Operation);
        HashSet<Operation> choosing = [.. regions.SelectMany(Choosing)];
        return [.. operations.GroupBy(operation => program.Kernels[operation].Method).Select(same =>
        {
            string equation = string.Join("\n", same.SelectMany(operation => operation.Equation.Split('\n')).Distinct());
            return new KeyValuePair<string, DeviceScheduled>(same.Key, DeviceSchedule.Make(same.First() with { Name = same.Key, Equation = equation }, same.Any(choosing.Contains)));
        })];
    }

    /// <summary>
    /// The products that experts are chosen by, with nothing but row operations in between: a rounding there would not make a choice
    /// less exact, but another one.
    /// </summary>
    private static IEnumerable<Operation> Choosing(LoweredRegion region)
    {
        Stack<int> wanted = new(region.Calls.Where(call => call.Operation is ChooseOperation).SelectMany(call => call.Reads));
        HashSet<int> seen = [];
        while (wanted.Count > 0)
        {
            int buffer = wanted.Pop();
            if (!seen.Add(buffer)) continue;
            foreach (Call call in region.Calls.Where(call => call.Writes.Contains(buffer)))
            {
                if (call.Operation is ContractionOperation) yield return call.Operation;
                else if (call.Operation is RowOperation && region.Buffers[buffer].Home == BufferHome.Plan) foreach (int read in call.Reads) wanted.Push(read);
            }
        }
    }
}
