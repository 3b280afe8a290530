using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Ptx.Execution;
using Sinter.Ptx.Memory;
using Sinter.Ptx.Text;

namespace Sinter.Ptx.Decoding;

/// <summary>A module on a device: its global and constant variables have addresses, its kernels are decoded once.</summary>
internal sealed class LoadedModule
{
    private readonly Dictionary<string, KernelCode> _kernels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, VariableSymbol> _globals = new(StringComparer.Ordinal);

    public LoadedModule(Module syntax, GlobalMemory memory)
    {
        Syntax = syntax;
        var placed = new List<(Variable Variable, MemoryRegion Region)>();
        foreach (var variable in syntax.Variables.Values.Where(variable => variable.Space is ".global" or ".const"))
        {
            var region = memory.Allocate(variable.Name, checked((int)Layout.Bytes(variable)));
            _globals[variable.Name] = new VariableSymbol(Space.Global, region.Start);
            placed.Add((variable, region));
        }

        foreach (var (variable, region) in placed)
        {
            Fill(variable, region);
        }
    }

    public Module Syntax { get; }

    public VariableSymbol? Global(string name) => _globals.GetValueOrDefault(name);

    public KernelCode Kernel(string entry)
    {
        if (_kernels.TryGetValue(entry, out var kernel))
        {
            return kernel;
        }

        if (!Syntax.Functions.TryGetValue(entry, out var function) || !function.IsEntry || function.Body is null)
        {
            var known = string.Join(", ", Syntax.Functions.Values.Where(known => known.IsEntry).Select(known => known.Name));
            throw new ArgumentException($"the module has no kernel '{entry}'; it has: {known}.");
        }

        return _kernels[entry] = new KernelDecoder(this, function).Decode();
    }

    /// <summary>Initialisers; what they leave out is zero (PTX ISA, section 5.4.4).</summary>
    private void Fill(Variable variable, MemoryRegion region)
    {
        var type = Layout.Type(variable.Type, variable.Position);
        region.MarkWritten(0, region.Length);
        for (var i = 0; i < variable.Initialiser.Count; i++)
        {
            var value = variable.Initialiser[i] switch
            {
                Number number => Layout.Constant(number, type),
                Name name when _globals.TryGetValue(name.Text, out var symbol) => symbol.Address,
                Sum { Base: Name name } sum when _globals.TryGetValue(name.Text, out var symbol) => symbol.Address + (ulong)sum.Offset,
                var other => throw new PtxException($"'{OperandParser.Show(other)}' cannot initialise a variable.", other.Position),
            };
            region.Store((long)i * type.Bytes, type.Bytes, value);
        }
    }
}
