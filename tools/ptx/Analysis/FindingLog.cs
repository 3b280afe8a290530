using System.Collections.Generic;

namespace Sinter.Ptx.Analysis;

/// <summary>Collects findings; the same fault at the same instruction is counted, not repeated.</summary>
internal sealed class FindingLog
{
    private readonly Dictionary<(FindingKind, int, string), Finding> _findings = [];
    private readonly List<Finding> _inOrder = [];

    public IReadOnlyList<Finding> Findings => _inOrder;

    public void Add(Finding finding)
    {
        var key = (finding.Kind, finding.Line, finding.Instruction);
        if (_findings.TryGetValue(key, out var first))
        {
            first.Count++;
            return;
        }

        _findings[key] = finding;
        _inOrder.Add(finding);
    }
}
