using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Operations;

namespace Sinter.Compiler.Emit;

/// <summary>The distinct kernels of a model: calls whose operations differ in no more than name and equation share one.</summary>
public sealed record KernelSet(EquatableArray<KernelSource> Kernels)
{
    private readonly Dictionary<Operation, KernelSource> _byOperation = [];

    public static KernelSet Of(IEnumerable<LoweredRegion> regions, Func<Operation, string, KernelSource> print)
    {
        var groups = new Dictionary<Operation, List<Operation>>();
        List<Operation> order = [];
        foreach (Operation operation in regions.SelectMany(region => region.Calls).Select(call => call.Operation))
        {
            Operation key = Key(operation);
            if (!groups.TryGetValue(key, out List<Operation>? same))
            {
                groups.Add(key, same = []);
                order.Add(key);
            }

            same.Add(operation);
        }

        var names = new HashSet<string>();
        List<KernelSource> kernels = [];
        var byOperation = new Dictionary<Operation, KernelSource>();
        foreach (Operation key in order)
        {
            Operation first = groups[key][0];
            string name = first.Name;
            for (int i = 2; !names.Add(name); i++) name = $"{first.Name}_{i}";
            string equation = string.Join("\n", groups[key].SelectMany(operation => operation.Equation.Split('\n')).Distinct());
            KernelSource kernel = print(first with { Name = name, Equation = equation }, name);
            kernels.Add(kernel);
            byOperation.Add(key, kernel);
        }

        var set = new KernelSet(kernels.ToEquatable());
        foreach (KeyValuePair<Operation, KernelSource> pair in byOperation) set._byOperation.Add(pair.Key, pair.Value);
        return set;
    }

    public KernelSource this[Operation operation] => _byOperation[Key(operation)];

    private static Operation Key(Operation operation) => operation with { Name = "", Equation = "" };
}
