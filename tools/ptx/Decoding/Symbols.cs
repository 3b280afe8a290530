using System;
using System.Collections.Generic;
using Sinter.Ptx.Memory;

namespace Sinter.Ptx.Decoding;

/// <summary>What a name stands for.</summary>
internal abstract record Symbol;

internal sealed record RegisterSymbol(int Register, DataType Type) : Symbol;

/// <summary>A variable at an address in a space.</summary>
internal sealed record VariableSymbol(Space Space, ulong Address) : Symbol;

/// <summary>A place in the code, known once it was passed.</summary>
internal sealed record LabelSymbol(string Name) : Symbol
{
    public int Place { get; set; } = -1;
}

/// <summary>The names of a scope; a scope sees those around it.</summary>
internal sealed class NameTable(NameTable? around)
{
    private readonly Dictionary<string, Symbol> _symbols = new(StringComparer.Ordinal);
    private readonly List<(string Prefix, int Count, int First, DataType Type)> _ranges = [];

    public bool Add(string name, Symbol symbol) => _symbols.TryAdd(name, symbol);

    /// <summary>Registers prefix0 to prefix(count-1).</summary>
    public void AddRange(string prefix, int count, int first, DataType type) => _ranges.Add((prefix, count, first, type));

    public Symbol? Find(string name)
    {
        for (var table = this; table is not null; table = table.Around)
        {
            if (table._symbols.TryGetValue(name, out var symbol))
            {
                return symbol;
            }

            foreach (var (prefix, count, first, type) in table._ranges)
            {
                if (name.StartsWith(prefix, StringComparison.Ordinal)
                    && int.TryParse(name.AsSpan(prefix.Length), out var index)
                    && index >= 0
                    && index < count
                    && (name.Length == prefix.Length + 1 || name[prefix.Length] != '0'))
                {
                    return table._symbols[name] = new RegisterSymbol(first + index, type);
                }
            }
        }

        return null;
    }

    private NameTable? Around { get; } = around;
}
