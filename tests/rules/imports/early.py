TABLE = {number: number for number in range(1000)}
